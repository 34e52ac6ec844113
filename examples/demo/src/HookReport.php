<?php

declare(strict_types=1);

namespace Demo;

use Closure;
use Illuminate\Contracts\Foundation\Application;
use Illuminate\Log\Events\MessageLogged;

/**
 * Writes what a node has done to its stdout, and its log to its stderr.
 */
final class HookReport
{
    /**
     * Write a line about a hook: its name, the client and the channel, and the microseconds that it took.
     */
    public static function write(string $hook, string $client, ?string $channel = null, ?float $microseconds = null): void
    {
        fwrite(STDOUT, json_encode([$hook, $client, $channel, $microseconds], JSON_THROW_ON_ERROR)."\n");
    }

    /**
     * Call a hook, and write a line about it.
     */
    public static function timed(string $hook, object $connection, ?string $channel, Closure $call): mixed
    {
        $began = hrtime(true);
        $result = $call();

        self::write($hook, $connection->id(), $channel, (hrtime(true) - $began) / 1000);

        return $result;
    }

    /**
     * Write a line about a message if it is a client event.
     *
     * @param  object  $received  The `MessageReceived` of the host.
     */
    public static function clientEvent(object $received): void
    {
        $event = json_decode($received->message, true);

        if (str_starts_with($event['event'], 'client-')) {
            self::write('whisper', $received->connection->id(), $event['channel']);
        }
    }

    /**
     * Write the log of an application to a stream too.
     *
     * @param  resource  $stream
     */
    public static function logTo(mixed $stream, Application $laravel): void
    {
        $laravel['events']->listen(MessageLogged::class, static function (MessageLogged $logged) use ($stream): void {
            fwrite($stream, "{$logged->level}: {$logged->message}\n");
        });
    }
}
