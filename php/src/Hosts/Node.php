<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Hosts;

use Throwable;
use Webpatser\ResonateWebhooks\AppRegistry;
use Webpatser\ResonateWebhooks\CacheMissDetector;
use Webpatser\ResonateWebhooks\Contracts\EndpointProvider;
use Webpatser\ResonateWebhooks\Exceptions\ApplicationProviderFailed;
use Webpatser\ResonateWebhooks\Exceptions\EventNotSent;
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
use Webpatser\ResonateWebhooks\Support\ServerLog;
use Webpatser\ResonateWebhooks\Webhooks;

/**
 * Runs the engine in a server process. The host calls its hooks and timers.
 */
class Node
{
    /**
     * The bounds of the interval in which outcomes are reported, in seconds.
     */
    protected const float TICK_MIN = 0.01;

    protected const float TICK_MAX = 0.25;

    /**
     * The interval between slices of the reconciler, or of outcomes that pile up, in seconds. A sweep takes at most 2 % of the
     * event loop's time.
     */
    protected const float SLICES_APART = 0.05;

    /**
     * The minimum time for listeners and the log at the end, in seconds.
     */
    protected const float LAST_REPORTS = 1.0;

    /**
     * The running engine. Without it, hooks do nothing.
     */
    public protected(set) ?Engine $engine = null;

    /**
     * The registered applications. Set with the engine.
     */
    public protected(set) AppRegistry $apps;

    /**
     * The detector of empty cache channels, if an endpoint receives `cache_miss`.
     */
    public protected(set) ?CacheMissDetector $caches = null;

    /**
     * The `channel_data` of members, if an endpoint receives it.
     */
    public protected(set) ?MemberData $memberData = null;

    /**
     * The reporter of deliveries and log lines to Laravel.
     */
    public protected(set) ?OutcomeReporter $reporter = null;

    /**
     * The attempts to start the engine; null if the config is invalid.
     */
    protected ?Startup $startup = null;

    /**
     * The applications of connections that opened before the engine started, by ID, as the host's own objects.
     *
     * @var array<string, object>
     */
    protected array $earlyApps = [];

    /**
     * True if an endpoint receives connection events.
     */
    protected bool $reportsConnections = false;

    /**
     * The reconciler of the engine's table and the live connections.
     */
    protected ?Reconciler $reconciler = null;

    /**
     * The endpoints of the application's provider, if it has one.
     */
    protected ?ProvidedEndpoints $provided = null;

    /**
     * The intervals and timeouts of the config that PHP uses, in seconds.
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
     * Start the engine, or log why it cannot start. An invalid config needs a restart. Other failures, such as an unavailable
     * database of endpoints, are retried by a timer.
     */
    public function boot(): void
    {
        // Webhooks::send() detects a server process by this, even if its webhooks cannot start.
        app()->instance(self::class, $this);

        try {
            if ($this->startup === null) {
                $this->prepare();
                $this->startup?->attempt();
            }
        } catch (Throwable $e) {
            ServerLog::error(
                'Resonate webhooks are off: '.$e->getMessage(),
                $e instanceof WebhooksException ? [] : ['exception' => $e],
            );
        }
    }

    /**
     * Register the application of a connection that opened, and report the connection if an endpoint receives connection events.
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

        if ($this->reportsConnections) {
            $this->engine->opened($app->id(), $socketId);
        }
    }

    /**
     * Report a subscription. Requires a running engine.
     *
     * @param  object  $connection  The host's own object, as is `$member`.
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
     * Send a custom event; see {@see Webhooks::send()}.
     *
     * @throws WebhooksException
     */
    public function send(string $event, string $app, ?string $channel = null, mixed $data = null): bool
    {
        if ($this->engine === null) {
            throw ServerNotRunning::inThisProcess();
        }

        try {
            $this->apps->registerById($app);
        } catch (ApplicationProviderFailed $e) {
            throw EventNotSent::because($e);
        }

        return $this->engine->send($app, $event, $channel, $data === null ? null : Json::ofApplication($data));
    }

    /**
     * Get the timers: short ones for outcomes and slices, long ones that start a sweep and refresh applications and endpoints.
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
     * Load the config, without the endpoints of a provider.
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
     * Start the engine and its services. If this throws, nothing runs, and it may be called again.
     *
     * @param  array<string, mixed>  $config
     *
     * @throws Throwable Also if the endpoint provider fails.
     */
    protected function start(array $config): void
    {
        $engine = new Engine($this->provided?->config() ?? $config);
        $this->apps = new AppRegistry($engine, $this->host);

        // Before the engine runs, because it may take over events at once that need the secrets.
        $this->apps->refresh();

        // The applications of the provider are newer.
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
        $this->reportsConnections = $engine->wantsConnections();
        $this->memberData = $engine->wantsMemberData() ? new MemberData : null;
        $this->engine = $engine;

        // Hosts have no hook for their shutdown, and cancel timers before their clients have left.
        register_shutdown_function($this->finish(...));

        foreach ($this->host->warnings($config) as $warning) {
            ServerLog::warning('Resonate webhooks: '.$warning);
        }
    }

    /**
     * Serve the engine's requests and report its outcomes, or try to start it.
     */
    protected function tick(): void
    {
        if ($this->engine === null) {
            if ($this->startup->attempt()) {
                // No hook has reported the connections that already exist.
                $this->reconciler->sweep();
            }

            return;
        }

        $this->caches?->check();
        $this->apps->registerWanted();
        $this->reporter->poll();
    }

    /**
     * Pass the current applications and endpoints to the engine.
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
     * Continue work that takes more than one slice of time.
     */
    protected function advance(): void
    {
        $this->reconciler?->advance();
        $this->reporter?->catchUp();
    }

    /**
     * Flush the engine and report the outcomes.
     */
    protected function finish(): void
    {
        $began = hrtime(true);
        $this->engine->shutdown((int) ($this->seconds['shutdown_timeout'] * 1000));
        $left = $this->seconds['shutdown_timeout'] - (hrtime(true) - $began) / 1e9;
        $this->reporter->drain(max($left, static::LAST_REPORTS));
    }

    /**
     * Hide the host in dumps, since it refers to secrets.
     *
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return ['booted' => $this->engine !== null];
    }
}
