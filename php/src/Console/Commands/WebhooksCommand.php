<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Closure;
use Illuminate\Console\Command;
use Illuminate\Contracts\Debug\ExceptionHandler;
use Illuminate\Support\Carbon;
use Symfony\Component\Console\Formatter\OutputFormatter;
use Throwable;
use Webpatser\ResonateWebhooks\Contracts\Cluster;
use Webpatser\ResonateWebhooks\Contracts\DeadLetters;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;

/**
 * What the commands share: the cluster and its dead letters, the exit codes, and one clear line when something is wrong.
 */
abstract class WebhooksCommand extends Command
{
    /**
     * The exit code of a command that found no running server.
     */
    protected const int NOTHING_RUNS = 2;

    /**
     * Execute the console command: 0 is fine, 1 is wrong, 2 means that nothing runs.
     */
    public function handle(): int
    {
        try {
            return $this->perform();
        } catch (WebhooksException $e) {
            return $this->refuse($this->wantsJson() ? $e->getMessage() : ucfirst($e->getMessage()).'.');
        } catch (Throwable $e) {
            // A program that reads JSON gets JSON; the log gets the rest.
            if (! $this->wantsJson()) {
                throw $e;
            }

            $this->laravel->make(ExceptionHandler::class)->report($e);

            return $this->refuse($e->getMessage());
        }
    }

    /**
     * Do what the command is for.
     *
     * @throws WebhooksException
     */
    abstract protected function perform(): int;

    /**
     * The servers of this application.
     */
    protected function cluster(): Cluster
    {
        return $this->laravel->make(Cluster::class);
    }

    /**
     * The dead letters of this application.
     */
    protected function deadLetters(): DeadLetters
    {
        return $this->laravel->make(DeadLetters::class);
    }

    /**
     * Say in one line, or in one JSON document, why nothing was done.
     */
    protected function refuse(string $why): int
    {
        $this->wantsJson() ? $this->json(['error' => $why]) : $this->components->error($why);

        return self::FAILURE;
    }

    /**
     * Whether a program reads the output.
     */
    protected function wantsJson(): bool
    {
        return $this->hasOption('json') && $this->option('json');
    }

    /**
     * What there is to choose from; nothing when that cannot be found out, which the command says by itself.
     *
     * @param  Closure(): array<string, string>  $choices
     * @return array<string, string>
     */
    protected function quietly(Closure $choices): array
    {
        try {
            return $choices();
        } catch (WebhooksException) {
            return [];
        }
    }

    /**
     * Write a document and nothing else.
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
     * How long ago something was, by the same clock as now.
     */
    protected function ago(?int $ms, int $now): string
    {
        return $ms === null ? 'never' : $this->time(max(0, $now - $ms)).' ago';
    }

    /**
     * A time in its two largest units.
     */
    protected function time(int $ms): string
    {
        $seconds = intdiv($ms, 1000);

        return match (true) {
            $ms < 1000 => "{$ms} ms",
            $seconds < 60 => "{$seconds} s",
            $seconds < 3600 => sprintf('%d min %02d s', intdiv($seconds, 60), $seconds % 60),
            $seconds < 86400 => sprintf('%d h %02d min', intdiv($seconds, 3600), intdiv($seconds, 60) % 60),
            default => sprintf('%d d %02d h', intdiv($seconds, 86400), intdiv($seconds, 3600) % 24),
        };
    }

    /**
     * A date in the application's time zone.
     */
    protected function date(int $ms): string
    {
        return Carbon::createFromTimestampMs($ms, config('app.timezone') ?: 'UTC')->format('Y-m-d H:i:s');
    }

    /**
     * A number of things, in words.
     */
    protected function count(int $number, string $thing): string
    {
        return "{$number} {$thing}".($number === 1 ? '' : 's');
    }

    /**
     * No endpoint has this name.
     */
    protected function unknownEndpoint(string $name): string
    {
        return "No endpoint is called [{$this->shown($name)}].";
    }

    /**
     * The name that was given. It may be a URL with secrets in it, and output is kept by schedulers.
     */
    protected function shown(string $name): string
    {
        return $this->text((string) preg_replace(['#//.*@#s', '/\?.+/s'], ['//…@', '?…'], mb_scrub($name)));
    }

    /**
     * Text of foreign origin, which must not format the output nor break a line.
     */
    protected function text(string $text): string
    {
        return OutputFormatter::escape((string) preg_replace('/[\p{Cc}]+/u', ' ', mb_scrub($text)));
    }
}
