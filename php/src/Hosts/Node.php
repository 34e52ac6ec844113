<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Hosts;

use Illuminate\Support\Facades\Log;
use Throwable;
use Webpatser\ResonateWebhooks\AppRegistry;
use Webpatser\ResonateWebhooks\CacheMissDetector;
use Webpatser\ResonateWebhooks\Contracts\EndpointProvider;
use Webpatser\ResonateWebhooks\Exceptions\ServerNotRunning;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;
use Webpatser\ResonateWebhooks\Json;
use Webpatser\ResonateWebhooks\MemberData;
use Webpatser\ResonateWebhooks\Native\Engine;
use Webpatser\ResonateWebhooks\OutcomeReporter;
use Webpatser\ResonateWebhooks\PresenceUser;
use Webpatser\ResonateWebhooks\ProvidedEndpoints;
use Webpatser\ResonateWebhooks\Reconciler;
use Webpatser\ResonateWebhooks\RemovedTransport;
use Webpatser\ResonateWebhooks\Settings;
use Webpatser\ResonateWebhooks\Startup;
use Webpatser\ResonateWebhooks\Webhooks;

/**
 * The engine in a server process and what surrounds it, on any host. A host calls its hooks and timers.
 */
class Node
{
    /**
     * The bounds, in seconds, of how long an outcome may wait for its Laravel event.
     */
    protected const float TICK_MIN = 0.01;

    protected const float TICK_MAX = 0.25;

    /**
     * The time from one slice of the reconciler, or of outcomes that pile up, to the next, in seconds: a sweep takes at most
     * 2 % of the event loop's time.
     */
    protected const float SLICES_APART = 0.05;

    /**
     * The time that listeners and the log have at the end in any case, in seconds.
     */
    protected const float LAST_REPORTS = 1.0;

    /**
     * The running engine; while there is none, every hook does nothing.
     */
    public protected(set) ?Engine $engine = null;

    /**
     * The applications whose credentials the engine has; set with the engine.
     */
    public protected(set) AppRegistry $apps;

    /**
     * Looks after cache channels, if an endpoint wants to know of empty ones.
     */
    public protected(set) ?CacheMissDetector $caches = null;

    /**
     * What members say of themselves, if an endpoint wants to know.
     */
    public protected(set) ?MemberData $memberData = null;

    /**
     * Reports deliveries and warnings to Laravel.
     */
    public protected(set) ?OutcomeReporter $reporter = null;

    /**
     * The attempts to start the engine; null when the config rules a start out.
     */
    protected ?Startup $startup = null;

    /**
     * The applications of connections that opened before the engine started, by their ids, as the host's own objects.
     *
     * @var array<string, object>
     */
    protected array $earlyApps = [];

    /**
     * Whether an endpoint wants to know of connections.
     */
    protected bool $tellsConnections = false;

    /**
     * Compares the engine's table with the live connections.
     */
    protected ?Reconciler $reconciler = null;

    /**
     * The endpoints that the application keeps elsewhere, if it does.
     */
    protected ?ProvidedEndpoints $provided = null;

    /**
     * The `resonate-webhooks` intervals and timeouts that concern this side, in seconds.
     *
     * @var array{flush_interval: float, reconcile_interval: float, shutdown_timeout: float, endpoints_refresh: float}
     */
    protected array $seconds;

    /**
     * Create a new instance.
     */
    public function __construct(protected Host $host)
    {
        //
    }

    /**
     * Start the engine, or log in one line why there are no webhooks. An invalid config stays invalid until a restart. Other
     * failures, such as a database of endpoints that is away, are retried by a timer.
     */
    public function boot(): void
    {
        // By this Webhooks::send() knows a server, also one whose webhooks cannot start.
        app()->instance(self::class, $this);

        try {
            if ($this->startup === null) {
                $this->prepare();
                $this->startup?->attempt();
            }
        } catch (Throwable $e) {
            Log::error(
                'Resonate webhooks are off: '.$e->getMessage(),
                $e instanceof WebhooksException ? [] : ['exception' => $e],
            );
        }
    }

    /**
     * A connection opened: note its application, and hand the connection over if an endpoint asks for that.
     *
     * @param  object  $app  The host's own object.
     */
    public function opened(object $app, string $socketId): void
    {
        if ($this->engine === null) {
            $this->earlyApps[$app->id()] = $app;

            return;
        }

        $this->apps->register($app);

        if ($this->tellsConnections) {
            $this->engine->opened($app->id(), $socketId);
        }
    }

    /**
     * A connection subscribed. Call it only while there is an engine.
     *
     * @param  object  $connection  The host's own object, as is the next.
     */
    public function subscribed(object $connection, string $channel, object $member): void
    {
        $app = $connection->app();

        $this->apps->register($app);
        $this->engine->subscribed(
            $app->id(),
            $channel,
            $connection->id(),
            PresenceUser::idOn($channel, $member),
            $this->memberData?->of($connection, $channel, $member),
        );
    }

    /**
     * Send an event of the application's own; see {@see Webhooks::send()}.
     *
     * @throws WebhooksException
     */
    public function send(string $event, string $app, ?string $channel = null, mixed $data = null): bool
    {
        if ($this->engine === null) {
            throw ServerNotRunning::inThisProcess();
        }

        $this->apps->registerById($app);

        return $this->engine->send($app, $event, $channel, $data === null ? null : Json::ofApplication($data));
    }

    /**
     * Schedule the short ticks that do the work, and the slow ones that start a sweep and ask for applications and endpoints.
     *
     * @return array<int, array{interval: float, callback: callable(): void}>
     */
    public function ticks(): array
    {
        if ($this->startup === null) {
            return [];
        }

        $ticks = [
            ['interval' => max(min($this->seconds['flush_interval'], static::TICK_MAX), static::TICK_MIN), 'callback' => $this->tick(...)],
            ['interval' => $this->seconds['reconcile_interval'], 'callback' => fn () => $this->reconciler?->sweep()],
            ['interval' => static::SLICES_APART, 'callback' => $this->advance(...)],
        ];

        if ($this->seconds['endpoints_refresh'] > 0) {
            $ticks[] = ['interval' => $this->seconds['endpoints_refresh'], 'callback' => $this->refresh(...)];
        }

        return $ticks;
    }

    /**
     * Read the config, without the endpoints of a provider.
     *
     * @throws WebhooksException
     */
    protected function prepare(): void
    {
        RemovedTransport::refuse();

        $config = Settings::forExtension();
        $config += $this->host->settings($config);
        $this->provided = app()->bound(EndpointProvider::class) ? new ProvidedEndpoints($config) : null;
        $this->seconds = (new Engine($this->provided === null ? $config : ['endpoints' => []] + $config))->seconds();
        $this->startup = new Startup(fn () => $this->start($config));
    }

    /**
     * Start the engine and everything around it. When this throws, nothing runs, and it may be called again.
     *
     * @param  array<string, mixed>  $config
     *
     * @throws Throwable when a provider of endpoints fails, too
     */
    protected function start(array $config): void
    {
        $engine = new Engine($this->provided?->config() ?? $config);
        $this->apps = new AppRegistry($engine, $this->host);

        // Before the engine runs: it may at once inherit events that need their secrets.
        $this->apps->refresh();

        // What the provider has said of an application is newer.
        foreach ($this->earlyApps as $id => $app) {
            if ($this->apps->find((string) $id) === null) {
                $this->apps->register($app);
            }
        }

        $engine->boot();

        $this->earlyApps = [];
        $this->reconciler = new Reconciler($engine, $this->host, $this->apps);
        $this->caches = $engine->wantsCacheMisses() ? new CacheMissDetector($engine) : null;
        $this->reporter = new OutcomeReporter($engine);
        $this->tellsConnections = $engine->wantsConnections();
        $this->memberData = $engine->wantsMemberData() ? new MemberData : null;
        $this->engine = $engine;

        // Hosts have no hook for their end, and cancel timers before their clients have left.
        register_shutdown_function($this->finish(...));

        foreach ($this->host->warnings($config) as $warning) {
            Log::warning('Resonate webhooks: '.$warning);
        }
    }

    /**
     * Answer the engine's questions and report what it did, or try to start it.
     */
    protected function tick(): void
    {
        if ($this->engine === null) {
            if ($this->startup->attempt()) {
                // No hook has told the engine of the connections that are there already.
                $this->reconciler->sweep();
            }

            return;
        }

        $this->caches?->look();
        $this->apps->registerWanted();
        $this->reporter->poll();
    }

    /**
     * Have the engine go by the applications and the endpoints that there are now.
     */
    protected function refresh(): void
    {
        if ($this->engine === null) {
            return;
        }

        $this->apps->refresh();
        $this->provided?->refresh($this->engine);
    }

    /**
     * Go on with what takes more than one slice of time.
     */
    protected function advance(): void
    {
        $this->reconciler?->advance();
        $this->reporter?->catchUp();
    }

    /**
     * Give the engine its last chance to deliver, and report how that went.
     */
    protected function finish(): void
    {
        $began = hrtime(true);
        $this->engine->shutdown((int) ($this->seconds['shutdown_timeout'] * 1000));
        $left = $this->seconds['shutdown_timeout'] - (hrtime(true) - $began) / 1e9;
        $this->reporter->drain(max($left, static::LAST_REPORTS));
    }

    /**
     * Keep what hangs on the host, secrets among it, out of dumps.
     *
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return ['booted' => $this->engine !== null];
    }
}
