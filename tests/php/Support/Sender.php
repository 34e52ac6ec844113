<?php

declare(strict_types=1);

namespace Tests\Support;

/**
 * A process of the application that sends custom events and is not a server.
 */
final class Sender
{
    private Process $process;

    /**
     * Start a process and wait until the application has booted.
     *
     * @param  array<string, mixed>  $webhooks
     * @param  list<array<string, mixed>>  $apps
     */
    public function __construct(array $webhooks, array $apps = [], bool $withExtension = true)
    {
        $this->process = $withExtension ? Process::php('sender.php', 'a sender') : Process::plainPhp('sender.php', 'a sender');
        $this->process->writeLine((string) json_encode(compact('webhooks', 'apps')));
        $this->process->readLine();
    }

    /**
     * Send an event, and return the result or the exception.
     *
     * @return array{sent?: bool, threw?: class-string, message?: string}
     */
    public function send(string $event, ?string $channel = null, mixed $data = null, string $app = '1', string $from = 'command'): array
    {
        $this->process->writeLine((string) json_encode(['from' => $from, 'send' => compact('event', 'app', 'channel', 'data')]));

        return json_decode($this->process->readLine(), true, flags: JSON_THROW_ON_ERROR);
    }

    /**
     * End the process.
     */
    public function stop(): void
    {
        $this->process->hangUp();
        $this->process->awaitEnd();
    }
}
