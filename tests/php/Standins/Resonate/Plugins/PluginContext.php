<?php

declare(strict_types=1);

namespace Webpatser\Resonate\Plugins;

use Illuminate\Support\Collection;
use Webpatser\Resonate\Application;
use Webpatser\Resonate\Contracts\ApplicationProvider;
use Webpatser\Resonate\Contracts\Connection;
use Webpatser\Resonate\Exceptions\InvalidApplication;
use Webpatser\Resonate\Protocols\Pusher\Channels\ChannelConnection;
use Webpatser\Resonate\Protocols\Pusher\Contracts\ChannelManager;

/**
 * The server's API for plugins.
 */
class PluginContext
{
    public function __construct(protected ChannelManager $channels)
    {
        //
    }

    public function sendTo(Connection $connection, string $event, array $data = []): void
    {
        $connection->send(json_encode(['event' => $event, 'data' => json_encode($data)]));
    }

    public function broadcast(Application|string|null $app, string $channel, string $event, array $data = [], ?Connection $except = null): void
    {
        $this->channels->for($this->resolve($app))->find($channel)?->broadcast(compact('event', 'channel', 'data'), $except);
    }

    public function terminate(Connection $connection, ?string $event = null, array $data = []): void
    {
        if ($event !== null) {
            $this->sendTo($connection, $event, $data);
        }

        $connection->terminate();
    }

    /**
     * Remove a connection from a channel without calling hooks.
     */
    public function unsubscribe(Connection $connection, string $channel): void
    {
        $this->channels->for($connection->app())->find($channel)?->unsubscribe($connection);
    }

    /**
     * @return array<string, ChannelConnection>
     */
    public function connectionsOn(Application|string|null $app, string $channel): array
    {
        return $this->channels->for($this->resolve($app))->find($channel)?->connections() ?? [];
    }

    public function applications(): Collection
    {
        return app(ApplicationProvider::class)->all();
    }

    public function application(?string $id = null): Application
    {
        return match (true) {
            $id !== null => app(ApplicationProvider::class)->findById($id),
            $this->applications()->count() === 1 => $this->applications()->first(),
            default => throw new InvalidApplication,
        };
    }

    protected function resolve(Application|string|null $app): Application
    {
        return $app instanceof Application ? $app : $this->application($app);
    }
}
