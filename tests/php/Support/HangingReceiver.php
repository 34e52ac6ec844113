<?php

declare(strict_types=1);

namespace Tests\Support;

/**
 * A receiver for one test, that takes connections without ever answering while it is told to hang.
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
        $this->url = "http://127.0.0.1:{$this->process->hear()}/hook";
    }

    /**
     * Let it hang.
     */
    public function hang(): void
    {
        $this->process->signal(SIGSTOP);
    }

    /**
     * Let it go on, first with what it has not answered.
     */
    public function goOn(): void
    {
        $this->process->signal(SIGCONT);
    }

    /**
     * Everything that came.
     *
     * @return list<array{headers: array<string, string>, body: string, status: int}>
     */
    public function requests(): array
    {
        // What follows the last line break is a line still being written.
        $lines = array_slice(explode("\n", (string) file_get_contents($this->log)), 0, -1);

        return array_map(fn (string $line) => json_decode($line, true, flags: JSON_THROW_ON_ERROR), $lines);
    }

    public function __destruct()
    {
        // Who hangs does not notice that its stdin has ended.
        $this->goOn();
    }
}
