<?php

declare(strict_types=1);

namespace Tests\Testing;

use Tests\PluginTestCase;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;
use Webpatser\ResonateWebhooks\Support\EventSender;
use Webpatser\ResonateWebhooks\Testing\WebhooksFake;
use Webpatser\ResonateWebhooks\Webhooks;

/**
 * The fake refuses the events that a server refuses.
 */
final class WebhooksFakeVerdictTest extends PluginTestCase
{
    public function test_the_fake_refuses_exactly_the_events_that_the_engine_refuses(): void
    {
        $this->serve();

        foreach (self::attempts() as $arguments) {
            $verdict = fn (Webhooks|EventSender $sender): ?string => self::refusal(fn () => $sender->send(...$arguments));
            $engine = $verdict($this->application->laravel->make(Webhooks::class));

            $this->assertSame($engine, $verdict(new WebhooksFake), var_export($arguments, true));
            $this->assertSame($engine, $verdict($this->application->laravel->make(EventSender::class)), var_export($arguments, true));
        }
    }

    /**
     * @return list<array{event: string, app: string, channel?: string, data?: mixed}>
     */
    private static function attempts(): array
    {
        $names = [
            'order.paid', 'a.b', '.', 'a.', '.a', '..', '9.9', 'A-b_c.D', 'paid', '', ' ', 'order.*', 'order.paid ', "order.paid\n",
            "order\0.paid", 'order.bezahlt/ü', 'örder.paid', "order.\xff", str_repeat('a', 98).'.b', str_repeat('a', 99).'.b', str_repeat('.', 101),
        ];

        return [
            ...array_map(fn (string $event) => ['event' => $event, 'app' => '1'], $names),
            ['event' => 'order.paid', 'app' => '1', 'channel' => ''],
            ['event' => 'order.paid', 'app' => '1', 'channel' => 'orders'],
            ...array_map(fn (mixed $data) => ['event' => 'order.paid', 'app' => '1', 'data' => $data], [
                null, false, 0, 1.5, NAN, INF, '', 'Jörg', "\xff", [], ['a' => "\xff"], (object) [], STDIN,
            ]),
        ];
    }

    /**
     * Get the class of the exception.
     */
    private static function refusal(callable $send): ?string
    {
        try {
            $send();
        } catch (WebhooksException $e) {
            return $e::class;
        }

        return null;
    }
}
