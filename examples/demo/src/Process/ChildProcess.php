<?php

declare(strict_types=1);

namespace Demo\Process;

use Closure;
use Demo\Lines;
use RuntimeException;

/**
 * A program that the demo started, and its end.
 *
 * Its stdin is a pipe that closes with the demo, however the demo ends. What it prints goes to a
 * log; what it reports, as lines of JSON, it writes to a descriptor of its own choice.
 */
final class ChildProcess
{
    private const float PATIENCE = 5.0;

    private bool $toldToEnd = false;

    /**
     * @param  resource  $process
     * @param  resource  $stdin
     */
    private function __construct(
        public readonly string $name,
        public readonly int $pid,
        private readonly string $log,
        private mixed $process,
        private readonly mixed $stdin,
    ) {}

    /**
     * @param  list<string>  $command
     * @param  array<string, string>  $env  in addition to the demo's own
     * @param  Closure(array<string, mixed>): void|null  $onReport  gets each line reported
     * @param  Closure(): void|null  $onEnd  when no more will come
     * @param  int  $reportsOn  the descriptor on which the program reports
     */
    public static function start(
        string $name,
        array $command,
        string $logFolder,
        array $env = [],
        ?Closure $onReport = null,
        ?Closure $onEnd = null,
        int $reportsOn = 1,
    ): self {
        $log = "{$logFolder}/{$name}.log";
        $descriptors = [0 => ['pipe', 'r'], 1 => ['file', $log, 'a'], 2 => ['file', $log, 'a']];

        if ($onReport !== null) {
            $descriptors[$reportsOn] = ['pipe', 'w'];
        }

        $process = proc_open($command, $descriptors, $pipes, null, [...getenv(), ...$env]);

        if ($process === false) {
            throw new RuntimeException("{$name} could not be started: ".implode(' ', $command));
        }

        if ($onReport !== null) {
            Lines::hear($pipes[$reportsOn], $onReport, $onEnd);
        }

        return new self($name, proc_get_status($process)['pid'], $log, $process, $pipes[0]);
    }

    /**
     * Send a line of JSON to the program's stdin.
     *
     * @param  array<string, mixed>  $line
     */
    public function tell(array $line): void
    {
        Lines::say($this->stdin, $line);
    }

    /**
     * Whether it has not ended yet.
     */
    public function isRunning(): bool
    {
        return $this->process !== null && proc_get_status($this->process)['running'];
    }

    /**
     * Whether it has ended by itself.
     */
    public function hasDied(): bool
    {
        return ! $this->toldToEnd && ! $this->isRunning();
    }

    /**
     * Send it the signal to end.
     */
    public function end(int $signal = SIGTERM): void
    {
        if ($this->isRunning()) {
            $this->toldToEnd = true;
            posix_kill($this->pid, $signal);
        }
    }

    /**
     * Wait until it has ended, and end it when it takes too long.
     */
    public function reap(): void
    {
        if ($this->process === null) {
            return;
        }

        $deadline = microtime(true) + self::PATIENCE;

        while ($this->isRunning()) {
            if (microtime(true) > $deadline) {
                posix_kill($this->pid, SIGKILL);
            }

            usleep(10_000);
        }

        proc_close($this->process);
        $this->process = null;
    }

    /**
     * The last lines that it printed.
     */
    public function lastWords(int $lines = 20): string
    {
        $all = is_file($this->log) ? file($this->log, FILE_IGNORE_NEW_LINES) : [];

        return implode("\n", array_slice($all, -$lines));
    }
}
