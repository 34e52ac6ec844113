<?php

declare(strict_types=1);

namespace Demo;

use Closure;
use Webpatser\Resonate\Contracts\Connection;
use Webpatser\Resonate\Events\MessageReceived;
use Webpatser\Resonate\Plugins\MessageDisposition;
use Webpatser\Resonate\Plugins\PluginContext;
use Webpatser\Resonate\Protocols\Pusher\Channels\Channel;
use Webpatser\ResonateWebhooks\WebhookPlugin;

/**
 * The plugin, with a line on stdout for each hook: its name, the client, the channel, and its duration in microseconds.
 */
final class ReportingPlugin extends WebhookPlugin
{
    public static function report(string $hook, string $client, ?string $channel = null, ?float $microseconds = null): void
    {
        fwrite(STDOUT, json_encode([$hook, $client, $channel, $microseconds], JSON_THROW_ON_ERROR)."\n");
    }

    public function boot(PluginContext $context): void
    {
        parent::boot($context);

        // The plugin's own listener runs before this one, so the client event has been handled when it is reported.
        app('events')->listen(MessageReceived::class, static function (MessageReceived $received): void {
            $event = json_decode($received->message, true);

            if (str_starts_with($event['event'], 'client-')) {
                self::report('whisper', $received->connection->id(), $event['channel']);
            }
        });
    }

    public function onSubscribe(Connection $connection, Channel $channel): void
    {
        $this->timed('subscribe', $connection, $channel->name(), fn () => parent::onSubscribe($connection, $channel));
    }

    public function onUnsubscribe(Connection $connection, Channel $channel): void
    {
        $this->timed('unsubscribe', $connection, $channel->name(), fn () => parent::onUnsubscribe($connection, $channel));
    }

    public function onClose(Connection $connection): void
    {
        $this->timed('close', $connection, null, fn () => parent::onClose($connection));
    }

    public function onMessage(Connection $from, array $event): MessageDisposition
    {
        return $this->timed('message', $from, null, fn () => parent::onMessage($from, $event));
    }

    private function timed(string $hook, Connection $connection, ?string $channel, Closure $call): mixed
    {
        $began = hrtime(true);
        $result = $call();

        self::report($hook, $connection->id(), $channel, (hrtime(true) - $began) / 1000);

        return $result;
    }
}
