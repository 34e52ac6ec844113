<?php

declare(strict_types=1);

namespace Tests\Support;

/**
 * A receiver for one test, which can hang: it then accepts connections without answering.
 */
final class HangingReceiver
{
    private Process $process;

    private string $log;

    public readonly string $url;

    /**
     * Start a receiver that answers.
     */
    public function __construct()
    {
        $this->log = (string) tempnam(sys_get_temp_dir(), 'webhooks-received-');
        $this->process = Process::php('receiver.php', 'a webhook receiver', $this->log);
        $this->url = "http://127.0.0.1:{$this->process->readLine()}/hook";
    }

    /**
     * Suspend the receiver.
     */
    public function hang(): void
    {
        $this->process->signal(SIGSTOP);
    }

    /**
     * Resume the receiver. It first answers the pending requests.
     */
    public function goOn(): void
    {
        $this->process->signal(SIGCONT);
    }

    /**
     * Get all requests.
     *
     * @return list<array{headers: array<string, string>, body: string, status: int}>
     */
    public function requests(): array
    {
        // The rest after the last line break is an incomplete line.
        $lines = array_slice(explode("\n", (string) file_get_contents($this->log)), 0, -1);

        return array_map(fn (string $line) => json_decode($line, true, flags: JSON_THROW_ON_ERROR), $lines);
    }

    public function __destruct()
    {
        // A suspended process does not notice the end of its stdin.
        $this->goOn();
    }
}
