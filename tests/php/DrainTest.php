<?php

declare(strict_types=1);

namespace Tests;

use Illuminate\Support\Facades\Event;
use Illuminate\Support\Facades\Log;
use PHPUnit\Framework\Attributes\Group;
use RuntimeException;
use Tests\Support\Receiver;
use Tests\Support\Wait;
use Webpatser\ResonateWebhooks\Events\WebhookDelivered;
use Webpatser\ResonateWebhooks\Native\Engine;
use Webpatser\ResonateWebhooks\OutcomeReporter;

/**
 * The outcomes that a server reports when it stops.
 */
#[Group('alone')]
final class DrainTest extends PluginTestCase
{
    private const int ENDPOINTS = 40;

    public function test_slow_listeners_delay_the_end_by_no_more_than_their_time(): void
    {
        $reporter = $this->reporterWithDeliveries();
        Event::listen(WebhookDelivered::class, fn () => usleep(100_000));

        $began = hrtime(true);
        $reporter->drain(0.5);
        $seconds = (hrtime(true) - $began) / 1e9;

        $this->assertGreaterThan(0.4, $seconds);
        $this->assertLessThan(1.5, $seconds);
        $this->assertMatchesRegularExpression('/^WARNING: Resonate webhooks: .* \d{2} deliveries, drops and log lines/', $this->lastLine());
    }

    public function test_everything_is_reported_when_there_is_time(): void
    {
        $reporter = $this->reporterWithDeliveries();
        $delivered = 0;
        Event::listen(WebhookDelivered::class, function () use (&$delivered): void {
            $delivered++;
        });

        $reporter->drain(5.0);

        $this->assertSame(self::ENDPOINTS, $delivered);
        $this->assertStringNotContainsString('deliveries', $this->lastLine());
    }

    public function test_a_log_that_cannot_be_written_affects_no_other_outcome(): void
    {
        $reporter = $this->reporterWithDeliveries();
        (require __DIR__.'/Support/reverb/failing-log.php')($this->application->laravel);
        Log::clearResolvedInstance('log');
        $delivered = 0;
        Event::listen(WebhookDelivered::class, function () use (&$delivered): void {
            $delivered++;

            throw new RuntimeException('a broken listener');
        });

        $this->expectErrorLog();
        $reporter->drain(5.0);

        $this->assertSame(self::ENDPOINTS, $delivered);
    }

    /**
     * Get the last line of the log.
     */
    private function lastLine(): string
    {
        return array_slice($this->application->log(), -1)[0];
    }

    /**
     * Create a reporter for an engine with unreported deliveries.
     */
    private function reporterWithDeliveries(): OutcomeReporter
    {
        $paths = array_map(fn (int $n) => $this->path("/{$n}"), range(1, self::ENDPOINTS));
        $this->serve(['endpoints' => []]);
        $engine = new Engine($this->config(['key_prefix' => 'drain-'.bin2hex(random_bytes(4)), 'endpoints' => array_map(fn (string $path) => ['url' => Receiver::shared()->url($path)], $paths)]));
        $engine->registerApp('1', 'key-1', 'secret-1');
        $engine->boot();
        $engine->subscribed('1', 'room', '1.1', null);

        Wait::until(fn () => array_all($paths, fn (string $path) => Receiver::shared()->requests($path) !== []), 'a POST to each endpoint');
        $this->assertTrue($engine->shutdown(5_000), 'the engine has stopped');

        return new OutcomeReporter($engine);
    }
}
