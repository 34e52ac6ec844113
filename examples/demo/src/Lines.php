<?php

declare(strict_types=1);

namespace Demo;

use Closure;
use Revolt\EventLoop;

/**
 * The talk between the demo and its programs: a JSON object a line, over pipes.
 */
final class Lines
{
    /**
     * Hear every line of a stream.
     *
     * @param  resource  $stream
     * @param  Closure(array<string, mixed>): void  $onLine
     * @param  Closure(): void|null  $onEnd
     */
    public static function hear(mixed $stream, Closure $onLine, ?Closure $onEnd = null): void
    {
        stream_set_blocking($stream, false);
        $rest = '';

        EventLoop::onReadable($stream, function (string $id) use ($stream, $onLine, $onEnd, &$rest): void {
            $chunk = (string) fread($stream, 65_536);

            if ($chunk === '' && feof($stream)) {
                EventLoop::cancel($id);
                $onEnd && $onEnd();

                return;
            }

            $lines = explode("\n", $rest.$chunk);
            $rest = array_pop($lines);

            foreach ($lines as $line) {
                $onLine(json_decode($line, true, flags: JSON_THROW_ON_ERROR));
            }
        });
    }

    /**
     * Say a line to a stream.
     *
     * @param  resource  $stream
     * @param  array<string, mixed>  $line
     */
    public static function say(mixed $stream, array $line): void
    {
        fwrite($stream, json_encode($line, JSON_THROW_ON_ERROR)."\n");
    }
}
