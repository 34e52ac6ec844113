<?php

declare(strict_types=1);

namespace Demo\Process;

use Closure;
use Demo\App;
use RuntimeException;

/**
 * The backend that gets the webhooks: a Python program, so that nothing of ours checks our signatures.
 */
final class Receiver
{
    private ?string $url = null;

    private function __construct(public readonly ChildProcess $process) {}

    /**
     * Start it and wait for its address.
     *
     * @param  list<App>  $apps
     * @param  Closure(array<string, mixed>): void  $onWebhook
     */
    public static function start(array $apps, string $logFolder, Closure $onWebhook): self
    {
        $receiver = null;
        $process = ChildProcess::start(
            'receiver',
            ['python3', dirname(__DIR__, 2).'/receiver.py'],
            $logFolder,
            ['RECEIVER_SECRETS' => json_encode(array_column($apps, 'secret', 'key'), JSON_THROW_ON_ERROR)],
            function (array $report) use (&$receiver, $onWebhook): void {
                isset($report['url']) ? $receiver->url = $report['url'] : $onWebhook($report);
            },
        );
        $receiver = new self($process);

        if (! Fibers::until(fn () => $receiver->url !== null, 10.0)) {
            throw new RuntimeException('the receiver does not start');
        }

        return $receiver;
    }

    /**
     * Where webhooks go.
     */
    public function url(): string
    {
        return $this->url;
    }
}
