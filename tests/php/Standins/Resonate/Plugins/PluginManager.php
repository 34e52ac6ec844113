<?php

declare(strict_types=1);

namespace Webpatser\Resonate\Plugins;

use Closure;
use Throwable;
use Webpatser\Resonate\Contracts\Connection;
use Webpatser\Resonate\Contracts\Logger;
use Webpatser\Resonate\Plugins\Contracts\ConnectionLifecycle;
use Webpatser\Resonate\Plugins\Contracts\MessageInterceptor;
use Webpatser\Resonate\Plugins\Contracts\ServerPlugin;
use Webpatser\Resonate\Plugins\Contracts\TickScheduler;
use Webpatser\Resonate\Protocols\Pusher\Channels\Channel;

/**
 * Calls the plugins in order. An exception of one is logged and does not affect the others.
 */
class PluginManager
{
    /**
     * @var list<ServerPlugin>
     */
    protected array $plugins = [];

    public function __construct(protected PluginContext $context)
    {
        //
    }

    public function register(ServerPlugin $plugin): void
    {
        $this->plugins[] = $plugin;
    }

    public function hasPlugins(): bool
    {
        return $this->plugins !== [];
    }

    public function boot(): void
    {
        $this->each(ServerPlugin::class, 'boot', fn (ServerPlugin $plugin) => $plugin->boot($this->context));
    }

    /**
     * @param  array{event: string, channel?: string, data?: mixed}  $event
     */
    public function interceptMessage(Connection $from, array $event): MessageDisposition
    {
        $verdict = MessageDisposition::Relay;

        $this->each(MessageInterceptor::class, 'onMessage', function (MessageInterceptor $plugin) use ($from, $event, &$verdict) {
            if ($verdict === MessageDisposition::Relay) {
                $verdict = $plugin->onMessage($from, $event);
            }
        });

        return $verdict;
    }

    public function notifyOpen(Connection $connection): void
    {
        $this->each(ConnectionLifecycle::class, 'onOpen', fn (ConnectionLifecycle $plugin) => $plugin->onOpen($connection));
    }

    public function notifyClose(Connection $connection): void
    {
        $this->each(ConnectionLifecycle::class, 'onClose', fn (ConnectionLifecycle $plugin) => $plugin->onClose($connection));
    }

    public function notifySubscribe(Connection $connection, Channel $channel): void
    {
        $this->each(ConnectionLifecycle::class, 'onSubscribe', fn (ConnectionLifecycle $plugin) => $plugin->onSubscribe($connection, $channel));
    }

    public function notifyUnsubscribe(Connection $connection, Channel $channel): void
    {
        $this->each(ConnectionLifecycle::class, 'onUnsubscribe', fn (ConnectionLifecycle $plugin) => $plugin->onUnsubscribe($connection, $channel));
    }

    /**
     * @return list<array{interval: float, callback: callable(): void}>
     */
    public function ticks(): array
    {
        $ticks = [];

        $this->each(TickScheduler::class, 'ticks()', function (TickScheduler $plugin) use (&$ticks) {
            array_push($ticks, ...$plugin->ticks());
        });

        return $ticks;
    }

    /**
     * @param  class-string  $capability
     */
    protected function each(string $capability, string $hook, Closure $call): void
    {
        foreach ($this->plugins as $plugin) {
            if (! $plugin instanceof $capability) {
                continue;
            }

            try {
                $call($plugin);
            } catch (Throwable $e) {
                app(Logger::class)->error("Plugin {$hook} failed (".$plugin::class.'): '.$e->getMessage());
            }
        }
    }
}
