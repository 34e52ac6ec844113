<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Closure;
use Illuminate\Console\Command;
use Illuminate\Support\Carbon;
use Symfony\Component\Console\Formatter\OutputFormatter;
use Webpatser\ResonateWebhooks\Exceptions\ExtensionMissing;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;
use Webpatser\ResonateWebhooks\Native\Cluster;
use Webpatser\ResonateWebhooks\Native\DeadLetters;
use Webpatser\ResonateWebhooks\Settings;

/**
 * What the commands share: the config, the way to Redis, and one clear line when there is none.
 */
abstract class WebhooksCommand extends Command
{
    /**
     * Execute the console command.
     */
    public function handle(): int
    {
        try {
            if (! extension_loaded('resonate_webhooks')) {
                throw ExtensionMissing::fromThisProcess();
            }

            return $this->perform();
        } catch (WebhooksException $e) {
            $this->hasOption('json') && $this->option('json')
                ? $this->json(['error' => $e->getMessage()])
                : $this->components->error(ucfirst($e->getMessage()).'.');

            return self::FAILURE;
        }
    }

    /**
     * Do what the command is for.
     *
     * @throws WebhooksException
     */
    abstract protected function perform(): int;

    /**
     * The servers with this config.
     *
     * @throws WebhooksException
     */
    protected function cluster(): Cluster
    {
        return new Cluster(Settings::forExtension());
    }

    /**
     * The webhooks that were given up.
     *
     * @throws WebhooksException
     */
    protected function letters(): DeadLetters
    {
        return new DeadLetters(Settings::forExtension());
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
            return extension_loaded('resonate_webhooks') ? $choices() : [];
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
     * Text of foreign origin, which must not format the output nor break a line.
     */
    protected function text(string $text): string
    {
        return OutputFormatter::escape((string) preg_replace('/[\p{Cc}]+/u', ' ', mb_scrub($text)));
    }
}
