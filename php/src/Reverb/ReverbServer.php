<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Reverb;

use Illuminate\Contracts\Foundation\Application;
use Laravel\Reverb\Contracts\ApplicationProvider;
use Laravel\Reverb\Protocols\Pusher\Contracts\ChannelConnectionManager;
use Laravel\Reverb\Protocols\Pusher\EventHandler;
use Laravel\Reverb\Protocols\Pusher\Managers\ArrayChannelConnectionManager;
use Laravel\Reverb\Protocols\Pusher\Server;
use React\EventLoop\Loop;
use Webpatser\ResonateWebhooks\Hosts\Node;

/**
 * Installs the hooks in the container of a Reverb server, and starts the webhooks with its event loop.
 */
final class ReverbServer
{
    private readonly Guard $guard;

    private readonly LiveChannels $channels;

    /**
     * Warnings about events that cannot be sent in this application.
     *
     * @var list<string>
     */
    private array $missing = [];

    /**
     * True once the command has ended. At the end of PHP, React runs a loop with pending work, even if the server did not start.
     */
    private bool $ended = false;

    private bool $started = false;

    /**
     * Create a new instance.
     */
    public function __construct(private readonly Application $app)
    {
        $this->guard = new Guard;
        $this->channels = new LiveChannels;
    }

    /**
     * Install the hooks before Reverb creates its objects.
     */
    public function install(): void
    {
        $handler = $this->isFree(EventHandler::class, 'connection_established, connection_terminated and cache_miss');
        $server = $this->isFree(Server::class, 'connection_established and connection_terminated');

        $node = $this->app->make(Node::class, [
            'host' => new ReverbHost($this->app->make(ApplicationProvider::class), $this->channels, $this->missing),
        ]);
        $hooks = $this->app->make(Hooks::class, [
            'node' => $node,
            'channels' => $this->channels,
            'guard' => $this->guard,
            // Without the end of connections, an established one would never be terminated.
            'reportsConnections' => $handler && $server,
        ]);

        if ($handler) {
            $this->app->bind(EventHandler::class, WebhookEventHandler::class);
            $this->app->afterResolving(WebhookEventHandler::class, static function (WebhookEventHandler $handler) use ($hooks): void {
                $handler->hooks = $hooks;
            });
        }

        if ($server) {
            $this->app->bind(Server::class, WebhookServer::class);
            $this->app->afterResolving(WebhookServer::class, static function (WebhookServer $server) use ($hooks): void {
                $server->hooks = $hooks;
            });
        }

        $this->app->extend(
            ChannelConnectionManager::class,
            static fn (ChannelConnectionManager $manager) => $manager::class === ArrayChannelConnectionManager::class
                ? new WebhookChannelConnections($hooks)
                : new DecoratedChannelConnections($manager, $hooks),
        );

        (new ClientEvents($this->app, $node, $this->channels, $this->guard))->listen();

        // The first tick comes after the port is bound and before any connection is read.
        $this->app->afterResolving(Server::class, fn () => Loop::futureTick($this->guard->around(fn () => $this->start($node))));
    }

    /**
     * Prevent a start after the command has ended.
     */
    public function end(): void
    {
        $this->ended = true;
    }

    /**
     * Start the webhooks and their timers, once.
     */
    private function start(Node $node): void
    {
        if ($this->ended || $this->started) {
            return;
        }

        $this->started = true;
        $node->boot();

        foreach ($node->ticks() as $tick) {
            Loop::addPeriodicTimer($tick['interval'], $this->guard->around($tick['callback']));
        }
    }

    /**
     * Determine if a class of Reverb can be replaced. If the application has bound its own, some events are impossible.
     */
    private function isFree(string $class, string $events): bool
    {
        if (! $this->app->bound($class)) {
            return true;
        }

        $this->missing[] = "the application binds its own {$class}, so {$events} are not sent";

        return false;
    }

    /**
     * Hide the container in dumps, since it refers to secrets.
     *
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return ['started' => $this->started];
    }
}
