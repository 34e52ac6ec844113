<?php

declare(strict_types=1);

namespace Tests;

use Illuminate\Config\Repository;
use Illuminate\Container\Container;
use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\TestCase;
use Webpatser\ResonateWebhooks\Support\Format;

/**
 * Commands and the dashboard format numbers, durations, times and sizes in the same way.
 */
final class FormatTest extends TestCase
{
    #[DataProvider('durations')]
    public function test_a_duration_has_its_two_largest_units(int|float $ms, string $text): void
    {
        $this->assertSame($text, Format::duration($ms));
    }

    /**
     * @return iterable<array{int|float, string}>
     */
    public static function durations(): iterable
    {
        yield [0, '0 ms'];
        yield [0.25, '0.3 ms'];
        yield [9.94, '9.9 ms'];
        yield [9.96, '10 ms'];
        yield [999.4, '999 ms'];
        yield [999.6, '1 s'];
        yield [1_000, '1 s'];
        yield [9_949, '9.9 s'];
        yield [9_951, '10 s'];
        yield [59_999, '59 s'];
        yield [60_000, '1 min 00 s'];
        yield [3_599_999, '59 min 59 s'];
        yield [3_600_000, '1 h 00 min'];
        yield [86_399_999, '23 h 59 min'];
        yield [187_200_000, '2 d 04 h'];
    }

    public function test_a_number_of_things_is_singular_for_one_only(): void
    {
        $this->assertSame(
            ['0 events', '1 event', '2,000,000 events'],
            array_map(fn (int $number) => Format::count($number, 'event'), [0, 1, 2_000_000]),
        );
    }

    public function test_a_moment_is_relative_to_now(): void
    {
        $this->assertSame(
            ['1 min 00 s ago', '1 s ago', 'now', 'now', 'now', 'in 1 s', 'in 2 d 00 h'],
            array_map(fn (int $ms) => Format::relative(1_000_000 + $ms, 1_000_000), [-60_000, -1_000, -999, 0, 999, 1_000, 172_800_000]),
        );
    }

    public function test_no_time_has_elapsed_since_a_moment_in_the_future(): void
    {
        $this->assertSame(['1 min 00 s', '0 ms'], [Format::elapsed(40_000, 100_000), Format::elapsed(100_001, 100_000)]);
    }

    public function test_a_date_is_in_the_time_zone_of_the_application(): void
    {
        $before = Container::getInstance();
        Container::setInstance($container = new Container);

        try {
            $texts = [];

            foreach (['Europe/Amsterdam', null] as $zone) {
                $container->instance('config', new Repository(['app' => ['timezone' => $zone]]));
                $texts[] = Format::dateTime(1_785_000_000_250);
            }
        } finally {
            Container::setInstance($before);
        }

        $this->assertSame(['2026-07-25 19:20:00.250 CEST', '2026-07-25 17:20:00.250 UTC'], $texts);
    }

    public function test_a_clock_is_in_sync_ahead_or_behind(): void
    {
        $this->assertSame(
            ['12 s behind', '1 s behind', 'in sync', 'in sync', '2.4 s ahead'],
            array_map(Format::clockSkew(...), [-12_345, -1_000, -999, 999, 2_400]),
        );
    }

    public function test_a_size_is_in_binary_units(): void
    {
        $this->assertSame(
            ['0 B', '1023 B', '1 KiB', '1.5 MiB', '256 MiB', '2048 TiB'],
            array_map(Format::bytes(...), [0, 1023, 1024, 1_572_864, 268_435_456, 2 ** 51]),
        );
    }

    public function test_a_message_becomes_a_sentence_but_keys_keep_their_case(): void
    {
        $this->assertSame(
            ['The key is wrong.', 'The key is wrong.', 'resonate-webhooks.ttl must be a number.', 'Redis is away.'],
            array_map(Format::sentence(...), ['the key is wrong', 'The key is wrong.', 'resonate-webhooks.ttl must be a number', 'Redis is away']),
        );
    }
}
