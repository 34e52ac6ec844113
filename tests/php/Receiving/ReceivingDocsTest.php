<?php

declare(strict_types=1);

namespace Tests\Receiving;

use Illuminate\Support\Facades\Event;
use Illuminate\Support\Facades\Route;
use ReflectionClass;
use Tests\Support\Docs;
use Webpatser\ResonateWebhooks\Receiving\Contracts\WebhookEvent;
use Webpatser\ResonateWebhooks\Receiving\Rejection;

/**
 * The Laravel part of docs/receiving.md matches the code.
 */
final class ReceivingDocsTest extends ReceivingTestCase
{
    public function test_its_table_has_every_key_every_default_and_every_variable(): void
    {
        $file = (string) file_get_contents(dirname(__DIR__, 3).'/php/config/resonate-webhooks-receiving.php');
        preg_match_all('/^\| `(\w+)` \|(.*?)\| *`?(\w*)`? *\|/m', self::section('Config'), $rows, PREG_SET_ORDER);

        $this->assertSame(array_keys(config('resonate-webhooks-receiving')), array_column($rows, 1));

        foreach ($rows as [, $key, $default, $variable]) {
            $value = config("resonate-webhooks-receiving.{$key}");

            is_int($value) && $this->assertSame((string) $value, trim($default));
            $variable === '' || $this->assertStringContainsString("'{$key}' => env('{$variable}'", $file);
        }

        $this->assertSame(substr_count($file, "env('RESONATE_"), count(array_filter(array_column($rows, 3))));
    }

    public function test_its_table_has_every_event_with_its_properties(): void
    {
        preg_match_all('/^\| (`\w+`(?:, `\w+`)*) \| .*? \| (.*) \|$/m', self::section('Events'), $rows, PREG_SET_ORDER);
        $documented = [];

        foreach ($rows as [, $classes, $properties]) {
            preg_match_all('/\w+(?=`)/', $properties, $names);

            foreach (explode(', ', $classes) as $class) {
                $documented[trim($class, '`')] = self::sorted($names[0]);
            }
        }

        $classes = array_map(fn (string $file) => basename($file, '.php'), glob(dirname(__DIR__, 3).'/php/src/Receiving/Events/*.php') ?: []);
        $there = [];

        foreach ($classes as $class) {
            $reflection = new ReflectionClass("Webpatser\\ResonateWebhooks\\Receiving\\Events\\{$class}");

            if ($reflection->isSubclassOf(WebhookEvent::class) && ! $reflection->isAbstract()) {
                $own = array_diff(array_column($reflection->getProperties(), 'name'), array_column(new ReflectionClass(WebhookEvent::class)->getProperties(), 'name'));
                $there[$class] = self::sorted($own);
            }
        }

        ksort($documented);

        $this->assertSame($there, $documented);
    }

    public function test_its_table_has_every_contract_with_its_properties(): void
    {
        preg_match_all('/^\| `(\w+)` \| .*? \| (.*) \|$/m', self::section('One listener for several events'), $rows, PREG_SET_ORDER);
        $ofAll = array_column(new ReflectionClass(WebhookEvent::class)->getProperties(), 'name');
        $documented = array_map(fn (string $properties) => preg_match_all('/\w+(?=`)/', $properties, $names) ? self::sorted($names[0]) : [], array_column($rows, 2, 1));
        $there = [];

        foreach (glob(dirname(__DIR__, 3).'/php/src/Receiving/Contracts/*Event.php') ?: [] as $file) {
            $contract = new ReflectionClass('Webpatser\ResonateWebhooks\Receiving\Contracts\\'.basename($file, '.php'));
            $there[$contract->getShortName()] = self::sorted(array_diff(array_column($contract->getProperties(), 'name'), $ofAll));
        }

        $this->assertEquals($there, $documented);
    }

    public function test_the_common_properties_are_those_of_the_common_contract(): void
    {
        preg_match('/^All of them have (.*?)\.\s/ms', self::section('Events'), $sentence);
        preg_match_all('/`(\w+)`/', $sentence[1], $names);

        $this->assertSame(self::sorted(array_column(new ReflectionClass(WebhookEvent::class)->getProperties(), 'name')), self::sorted($names[1]));
    }

    public function test_its_listener_passes_each_event_with_its_time_to_the_meter(): void
    {
        $meter = new class
        {
            /**
             * @var list<array{string, string, int}>
             */
            public array $handled = [];

            /**
             * @param  array<string, mixed>  $event
             */
            public function handle(string $appId, array $event, int $timeMs): void
            {
                $this->handled[] = [$appId, "{$event['name']} {$event['channel']}", $timeMs];
            }
        };
        $this->app->instance('Webpatser\ResonateChannelMeter\EventHandler', $meter);
        eval(Docs::code('docs/metering.md', 'php meter'));

        $this->webhook()
            ->with('channel_occupied', ['channel' => 'room', 'time_ms' => 1_700_000_000_123])
            ->with('order.paid')
            ->with('channel_vacated', ['channel' => 'room', 'time_ms' => 1_700_000_060_456])
            ->post()->assertNoContent();

        $this->assertSame([['1', 'channel_occupied room', 1_700_000_000_123], ['1', 'channel_vacated room', 1_700_000_060_456]], $meter->handled);
    }

    public function test_its_statuses_are_those_that_rejections_have(): void
    {
        preg_match_all('/^\| (\d{3}) \|/m', self::section('Answers'), $statuses);

        foreach (Rejection::cases() as $reason) {
            $this->assertContains((string) $reason->status(), $statuses[1]);
        }
    }

    public function test_its_test_passes(): void
    {
        preg_match('/    public function test_a_visit.*?^    }\n/ms', Docs::text('docs/receiving.md'), $test);
        Route::resonateWebhooks('/webhooks/resonate', 'of-the-docs');

        $visits = 0;
        Event::listen('Webpatser\ResonateWebhooks\Receiving\Events\ChannelVacated', function () use (&$visits): void {
            $visits++;
        });

        preg_match('/\$webhook = .*;\n/s', strtr($test[0], ['$this->assertDatabaseCount(\'visits\', 1);' => '']), $lines);
        eval($lines[0]);

        $this->assertSame(1, $visits);
    }

    /**
     * Get the text under a heading of the third level.
     */
    private static function section(string $heading): string
    {
        preg_match('/^### '.$heading.'\n(.*?)^##/ms', Docs::text('docs/receiving.md'), $section);

        return $section[1];
    }

    /**
     * @param  array<string>  $names
     * @return list<string>
     */
    private static function sorted(array $names): array
    {
        sort($names);

        return $names;
    }
}
