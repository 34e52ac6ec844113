<?php

declare(strict_types=1);

namespace Tests\Support;

use RuntimeException;

/**
 * A child process with a line-based conversation, which is expected to end when its stdin does.
 *
 * PHP closes that stdin and waits for the child when it destroys this object.
 */
final class Process
{
    /**
     * @var resource
     */
    private $process;

    private bool $outlivesExtension = false;

    /**
     * @var array<int, resource>
     */
    private array $pipes = [];

    /**
     * Start a command. It inherits our stderr, or gets a stream of its own.
     *
     * @param  list<string>  $command
     * @param  resource|null  $stderr
     */
    public function __construct(array $command, public readonly string $name, mixed $stderr = null)
    {
        $process = proc_open($command, array_filter([['pipe', 'r'], ['pipe', 'w'], $stderr]), $this->pipes);

        $this->process = $process ?: throw new RuntimeException("Cannot start {$name}");
    }

    /**
     * Start a PHP script the way this process runs: with the same extensions loaded by hand. `$through` is a command that
     * executes the rest of its arguments.
     *
     * @param  resource|null  $stderr
     * @param  list<string>  $through
     */
    public static function php(string $script, string $name, ?string $argument = null, mixed $stderr = null, array $through = []): self
    {
        $arguments = $argument === null ? [] : [$argument];

        return new self([...$through, PHP_BINARY, ...self::loadedByHand(), __DIR__.'/'.$script, ...$arguments], $name, $stderr);
    }

    /**
     * Start a PHP script without our extension.
     */
    public static function plainPhp(string $script, string $name): self
    {
        return new self([PHP_BINARY, ...self::withoutExtension(), __DIR__.'/'.$script], $name);
    }

    /**
     * The arguments that start PHP with the ini files of this process, but without our extension where one of them loads it.
     *
     * @return list<string>
     */
    public static function withoutExtension(): array
    {
        $lines = preg_grep('/^\s*extension\s*=.*resonate_webhooks/', self::iniLines(), PREG_GREP_INVERT);
        $ini = (string) tempnam(sys_get_temp_dir(), 'php-ini-');
        file_put_contents($ini, implode("\n", $lines));

        return ['-n', '-c', $ini];
    }

    /**
     * The lines of the ini files of this process.
     *
     * @return list<string>
     */
    public static function iniLines(): array
    {
        $files = array_filter(array_map(trim(...), explode(',', php_ini_loaded_file().','.php_ini_scanned_files())));

        return array_merge(...array_map(fn (string $file) => file($file, FILE_IGNORE_NEW_LINES), array_values($files)));
    }

    /**
     * The process id.
     */
    public function pid(): int
    {
        return proc_get_status($this->process)['pid'];
    }

    /**
     * Whether it is still running.
     */
    public function running(): bool
    {
        return proc_get_status($this->process)['running'];
    }

    /**
     * Say a line.
     */
    public function say(string $line): void
    {
        fwrite($this->pipes[0], $line."\n");
    }

    /**
     * Hear the next line.
     */
    public function hear(float $seconds = 15.0): string
    {
        $streams = [$this->pipes[1]];
        $none = null;

        if (stream_select($streams, $none, $none, (int) $seconds, (int) (fmod($seconds, 1) * 1e6)) !== 1
            || ($line = fgets($this->pipes[1])) === false) {
            throw new RuntimeException("{$this->name} said nothing");
        }

        return rtrim($line, "\n");
    }

    /**
     * Close its stdin, upon which our own scripts come to their end.
     */
    public function hangUp(): void
    {
        fclose($this->pipes[0]);
    }

    /**
     * Hear everything it still says until it has ended.
     *
     * @return list<string>
     */
    public function rest(): array
    {
        $lines = [];

        while (! feof($this->pipes[1])) {
            $line = fgets($this->pipes[1]);

            if ($line !== false) {
                $lines[] = rtrim($line, "\n");
            }
        }

        $this->awaitEnd();

        return $lines;
    }

    /**
     * Send a signal.
     */
    public function signal(int $signal): void
    {
        posix_kill($this->pid(), $signal);
    }

    /**
     * Wait until it has ended.
     */
    public function awaitEnd(): void
    {
        Wait::until(fn () => ! $this->running(), "the end of {$this->name}");
    }

    /**
     * The code with which it ended.
     */
    public function exitCode(): int
    {
        return proc_get_status($this->process)['exitcode'];
    }

    /**
     * The `-d extension=` arguments that loaded the engine into this process.
     *
     * @return list<string>
     */
    public static function loadedByHand(): array
    {
        $arguments = explode("\0", (string) file_get_contents('/proc/self/cmdline'));
        $extensions = preg_grep('/^(-d)?extension=/', $arguments) ?: [];

        return array_map(fn (string $extension) => '-d'.preg_replace('/^-d/', '', $extension), array_values($extensions));
    }

    /**
     * Keep it until the extension has ended, which still talks to it then: PHP calls destructors before that.
     */
    public function outliveExtension(): void
    {
        $this->outlivesExtension = true;
    }

    /**
     * Close its stdin and wait for its end.
     */
    public function __destruct()
    {
        if (! $this->outlivesExtension) {
            proc_close($this->process);
        }
    }
}
