<?php

declare(strict_types=1);

namespace Tests\Support;

use RuntimeException;

/**
 * A child process with line-based input and output, which ends when its stdin does.
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
     * Start a command. It inherits the stderr of this process, or gets its own stream.
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
     * Start a PHP script with the extensions that the command line of this process loads. `$through` is a command that executes
     * the rest of its arguments.
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
     * Start a PHP script without the extension.
     */
    public static function plainPhp(string $script, string $name): self
    {
        return new self([PHP_BINARY, ...self::withoutExtension(), __DIR__.'/'.$script], $name);
    }

    /**
     * Get the arguments that start PHP with the ini files of this process, without a line that loads the extension.
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
     * Get the lines of the ini files of this process.
     *
     * @return list<string>
     */
    public static function iniLines(): array
    {
        $files = array_filter(array_map(trim(...), explode(',', php_ini_loaded_file().','.php_ini_scanned_files())));

        return array_merge(...array_map(fn (string $file) => file($file, FILE_IGNORE_NEW_LINES), array_values($files)));
    }

    /**
     * Get the process ID.
     */
    public function pid(): int
    {
        return proc_get_status($this->process)['pid'];
    }

    /**
     * Determine if the process is running.
     */
    public function running(): bool
    {
        return proc_get_status($this->process)['running'];
    }

    /**
     * Write a line to the process.
     */
    public function writeLine(string $line): void
    {
        fwrite($this->pipes[0], $line."\n");
    }

    /**
     * Read the next line.
     */
    public function readLine(float $seconds = 15.0): string
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
     * Close the stdin of the process, which ends the scripts of the tests.
     */
    public function hangUp(): void
    {
        fclose($this->pipes[0]);
    }

    /**
     * Read the remaining output until the process has ended.
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
     * Wait until the process has ended.
     */
    public function awaitEnd(): void
    {
        Wait::until(fn () => ! $this->running(), "the end of {$this->name}");
    }

    /**
     * Get the exit code.
     */
    public function exitCode(): int
    {
        return proc_get_status($this->process)['exitcode'];
    }

    /**
     * Get the `-d extension=` arguments that loaded the extension into this process.
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
     * Keep the process until the extension has ended, which still uses it then. PHP calls destructors before that.
     */
    public function outliveExtension(): void
    {
        $this->outlivesExtension = true;
    }

    /**
     * Close its stdin and wait for it to end.
     */
    public function __destruct()
    {
        if (! $this->outlivesExtension) {
            proc_close($this->process);
        }
    }
}
