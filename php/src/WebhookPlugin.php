<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use Illuminate\Support\Facades\Log;
use Throwable;
use Webpatser\Resonate\Contracts\Connection;
use Webpatser\Resonate\Plugins\Contracts\ConnectionLifecycle;
use Webpatser\Resonate\Plugins\Contracts\MessageInterceptor;
use Webpatser\Resonate\Plugins\Contracts\ServerPlugin;
use Webpatser\Resonate\Plugins\Contracts\TickScheduler;
use Webpatser\Resonate\Plugins\MessageDisposition;
use Webpatser\Resonate\Plugins\PluginContext;
use Webpatser\Resonate\Protocols\Pusher\Channels\Channel;
use Webpatser\Resonate\Protocols\Pusher\Contracts\ChannelManager;
use Webpatser\ResonateWebhooks\Contracts\EndpointProvider;
use Webpatser\ResonateWebhooks\Exceptions\ServerNotRunning;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;
use Webpatser\ResonateWebhooks\Native\Engine;

/**
 * Tells the native engine what Resonate's connections do; everything else happens on its threads.
 *
 * List it after the roster plugin in `config/reverb.php`: hooks run in that
 * order, and the engine looks for the roster's record of a subscription.
 */
class WebhookPlugin implements ConnectionLifecycle, MessageInterceptor, ServerPlugin, TickScheduler
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
    protected ?Engine $engine = null;

    /**
     * The attempts to start the engine; null when the config rules a start out.
     */
    protected ?Startup $startup = null;

    /**
     * The applications of connections that opened before the engine started, by their ids.
     *
     * @var array<string, Application>
     */
    protected array $earlyApps = [];

    /**
     * Whether an endpoint wants to know of connections.
     */
    protected bool $tellsConnections = false;

    /**
     * Reports client events.
     */
    protected ClientEvents $clientEvents;

    /**
     * What members say of themselves, if an endpoint wants to know.
     */
    protected ?MemberData $memberData = null;

    /**
     * Resonate's side of the server.
     */
    protected PluginContext $context;

    /**
     * The applications whose credentials the engine has.
     */
    protected AppDirectory $apps;

    /**
     * Compares the engine's table with the live connections.
     */
    protected ?Reconciler $reconciler = null;

    /**
     * Looks after cache channels, if an endpoint wants to know of empty ones.
     */
    protected ?CacheWatch $caches = null;

    /**
     * Reports deliveries and warnings to Laravel.
     */
    protected ?OutcomeReporter $reporter = null;

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
     * Start the engine, or say in one line of Laravel's log why there are no webhooks. What is wrong with the config is wrong
     * until a restart; what else fails, such as the database of the endpoints, is tried again by a tick.
     *
     * Resonate would catch an exception too, but its own logger is silent
     * unless the server runs with `--debug`.
     */
    public function boot(PluginContext $context): void
    {
        // By this Webhooks::send() knows a server, also one whose webhooks cannot start.
        app()->instance(self::class, $this);

        try {
            if ($this->startup === null) {
                $this->prepare($context);
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
     * Note the application of a connection that opened, and hand the connection over if anybody asked for that.
     */
    public function onOpen(Connection $connection): void
    {
        $app = $connection->app();

        if ($this->engine === null) {
            $this->earlyApps[$app->id()] = $app;

            return;
        }

        $this->apps->meet($app);

        if ($this->tellsConnections) {
            $this->engine->opened($app->id(), $connection->id());
        }
    }

    /**
     * Hand over everything a closing connection still held; the engine remembers what that was.
     */
    public function onClose(Connection $connection): void
    {
        $this->engine?->closed($connection->app()->id(), $connection->id());
    }

    /**
     * Hand over a subscription, unless the connection left while another plugin's hook was waiting.
     */
    public function onSubscribe(Connection $connection, Channel $channel): void
    {
        if ($this->engine === null || ($member = $channel->find($connection)) === null) {
            return;
        }

        $app = $connection->app();
        $name = $channel->name();

        $this->apps->meet($app);
        $this->engine->subscribed(
            $app->id(),
            $name,
            $connection->id(),
            PresenceUser::idOn($name, $member),
            $this->memberData?->of($connection, $channel, $member),
        );
        $this->caches?->subscribed($app->id(), $channel);
    }

    /**
     * Hand over that a connection left a channel; the engine ignores one that never joined it.
     */
    public function onUnsubscribe(Connection $connection, Channel $channel): void
    {
        $this->engine?->unsubscribed($connection->app()->id(), $channel->name(), $connection->id());
    }

    /**
     * Look at a message; it is reported when every plugin has let it pass.
     *
     * @param  array{event?: mixed, channel?: mixed, data?: mixed}  $event
     */
    public function onMessage(Connection $from, array $event): MessageDisposition
    {
        if ($this->engine !== null) {
            $this->clientEvents->arrived($from, $event);
            $this->memberData?->arrived($from, $event);
        }

        return MessageDisposition::Relay;
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

        $this->apps->meetById($app, $this->context);

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
    protected function prepare(PluginContext $context): void
    {
        RemovedTransport::refuse();

        $config = Settings::forExtension();
        $config += ['roster' => RosterSetup::keys(...$this->rosterSetup($config))];
        $this->provided = app()->bound(EndpointProvider::class) ? new ProvidedEndpoints($config) : null;
        $this->seconds = (new Engine($this->provided === null ? $config : ['endpoints' => []] + $config))->seconds();
        $this->startup = new Startup(fn () => $this->start($context, $config));
    }

    /**
     * Start the engine and everything around it. When this throws, nothing runs, and it may be called again.
     *
     * @param  array<string, mixed>  $config
     *
     * @throws Throwable when a provider of endpoints fails, too
     */
    protected function start(PluginContext $context, array $config): void
    {
        $engine = new Engine($this->provided?->config() ?? $config);
        $channels = app(ChannelManager::class);
        $this->apps = new AppDirectory($engine);

        // Before the engine runs: it may at once inherit events that need their secrets.
        $this->apps->refresh($context);

        // What the provider has said of an application is newer.
        foreach ($this->earlyApps as $app) {
            if ($this->apps->find($app->id()) === null) {
                $this->apps->meet($app);
            }
        }

        $engine->boot();

        $this->earlyApps = [];
        $this->context = $context;
        $this->reconciler = new Reconciler($engine, $channels, $this->apps);
        $this->caches = $engine->wantsCacheMisses() ? new CacheWatch($engine) : null;
        $this->reporter = new OutcomeReporter($engine);
        $this->tellsConnections = $engine->wantsConnections();
        $this->memberData = $engine->wantsMemberData() ? new MemberData : null;
        $this->clientEvents = new ClientEvents($engine, $context);
        $this->clientEvents->listen(app('events'));
        $this->engine = $engine;

        // Resonate has no hook for its end, and cancels the ticks before its clients have left.
        register_shutdown_function($this->finish(...));

        $this->checkSurroundings($config);
    }

    /**
     * Warn about a roster that does not fit, and about a Resonate that is too new to be known, once.
     *
     * @param  array<string, mixed>  $config
     */
    protected function checkSurroundings(array $config): void
    {
        foreach (array_filter([HostRelease::warning(), ...RosterSetup::mistakes(...$this->rosterSetup($config))]) as $warning) {
            Log::warning('Resonate webhooks: '.$warning);
        }
    }

    /**
     * The configs by which the roster and the webhooks are set up.
     *
     * @param  array<string, mixed>  $config
     * @return array{array<int, class-string>, array<string, mixed>, array<string, mixed>}
     */
    protected function rosterSetup(array $config): array
    {
        return [(array) config('reverb.servers.reverb.plugins', []), (array) config('resonate-roster', []), $config];
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
        $this->apps->meetWanted($this->context);
        $this->reporter->pump();
    }

    /**
     * Have the engine go by the applications and the endpoints that there are now.
     */
    protected function refresh(): void
    {
        if ($this->engine === null) {
            return;
        }

        $this->apps->refresh($this->context);
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
     * Keep what hangs on the context, secrets among it, out of dumps.
     *
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return ['booted' => $this->engine !== null];
    }
}
