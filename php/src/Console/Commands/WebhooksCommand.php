<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Illuminate\Console\Command;
use Illuminate\Contracts\Debug\ExceptionHandler;
use Symfony\Component\Console\Formatter\OutputFormatter;
use Throwable;
use Webpatser\ResonateWebhooks\Contracts\Cluster;
use Webpatser\ResonateWebhooks\Contracts\DeadLetters;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;
use Webpatser\ResonateWebhooks\Support\Format;

use function Laravel\Prompts\confirm;

/**
 * The base of the commands: access to the cluster, exit codes, and errors in one line or one JSON document.
 */
abstract class WebhooksCommand extends Command
{
    /**
     * The exit code of a command that found no running server.
     */
    protected const int NO_RUNNING_SERVER = 2;

    /**
     * Execute the console command.
     */
    public function handle(): int
    {
        try {
            return $this->perform();
        } catch (WebhooksException $e) {
            return $this->refuse($this->wantsJson() ? $e->getMessage() : Format::sentence($e->getMessage()));
        } catch (Throwable $e) {
            // With --json the output stays JSON, and the exception is logged.
            if (! $this->wantsJson()) {
                throw $e;
            }

            $this->laravel->make(ExceptionHandler::class)->report($e);

            return $this->refuse($e->getMessage());
        }
    }

    /**
     * Perform the command and return its exit code.
     *
     * @throws WebhooksException
     */
    abstract protected function perform(): int;

    /**
     * Get the servers of this application.
     */
    protected function cluster(): Cluster
    {
        return $this->laravel->make(Cluster::class);
    }

    /**
     * Get the dead letters of this application.
     */
    protected function deadLetters(): DeadLetters
    {
        return $this->laravel->make(DeadLetters::class);
    }

    /**
     * Output an error, as JSON if requested, and return the exit code for it.
     */
    protected function refuse(string $error): int
    {
        $this->wantsJson() ? $this->json(['error' => $error]) : $this->components->error($error);

        return self::FAILURE;
    }

    /**
     * Warn about shards whose dead letters are not part of the result, and return the exit code. The warnings go to the error
     * output, since the output may be JSON.
     */
    protected function completed(DeadLetters $deadLetters): int
    {
        $missing = $deadLetters->missing();

        foreach ($missing as $reason) {
            $this->output->getErrorStyle()->writeln('<comment>'.$this->text("The result is incomplete: {$reason}").'</comment>');
        }

        return $missing === [] ? self::SUCCESS : self::FAILURE;
    }

    /**
     * Determine if the output is JSON.
     */
    protected function wantsJson(): bool
    {
        return $this->hasOption('json') && $this->option('json');
    }

    /**
     * Output a JSON document.
     *
     * @param  array<mixed>  $document
     */
    protected function json(array $document): void
    {
        $this->output->writeln(json_encode(
            $document, JSON_PRETTY_PRINT | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE | JSON_THROW_ON_ERROR,
        ));
    }

    /**
     * Ask for confirmation, unless the command runs with --force.
     */
    protected function confirmed(string $question): bool
    {
        if ($this->option('force')) {
            return true;
        }

        if (! $this->input->isInteractive()) {
            $this->components->error('Use --force in non-interactive mode.');

            return false;
        }

        if (confirm($question, default: false)) {
            return true;
        }

        $this->components->warn('Command cancelled.');

        return false;
    }

    /**
     * Parse an option that is a positive number. Returns null without it, and false if it is anything else.
     */
    protected function positiveNumber(string $option): float|false|null
    {
        $value = $this->option($option);

        return match (true) {
            $value === null => null,
            is_numeric($value) && $value > 0 => (float) $value,
            default => false,
        };
    }

    /**
     * Format the outcome of an attempt: its status, or its error.
     *
     * @param  array<string, mixed>  $attempt
     */
    protected function outcome(array $attempt): string
    {
        return $attempt['error'] === null
            ? "<fg=green;options=bold>HTTP {$attempt['status']}</>"
            : "<fg=red;options=bold>{$this->text($attempt['error'])}</>";
    }

    /**
     * Describe an endpoint that was not found.
     */
    protected function unknownEndpoint(string $name): string
    {
        return "Unable to find endpoint [{$this->redact($name)}].";
    }

    /**
     * Redact the secrets in a name that may be a URL, since schedulers keep the output.
     */
    protected function redact(string $name): string
    {
        return $this->text((string) preg_replace(['#//.*@#s', '/\?.+/s'], ['//…@', '?…'], mb_scrub($name)));
    }

    /**
     * Escape text from other systems, so that it can neither format the output nor break a line.
     */
    protected function text(string $text): string
    {
        return OutputFormatter::escape((string) preg_replace('/[\p{Cc}]+/u', ' ', mb_scrub($text)));
    }
}
