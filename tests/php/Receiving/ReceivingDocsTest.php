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
 * What docs/receiving.md says of the Laravel part is so.
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
        $told = [];

        foreach ($rows as [, $classes, $properties]) {
            preg_match_all('/\w+(?=`)/', $properties, $names);

            foreach (explode(', ', $classes) as $class) {
                $told[trim($class, '`')] = self::sorted($names[0]);
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

        ksort($told);

        $this->assertSame($there, $told);
    }

    public function test_its_statuses_are_those_that_rejections_have(): void
    {
        preg_match_all('/^\| (\d{3}) \|/m', self::section('Answers'), $statuses);

        foreach (Rejection::cases() as $reason) {
            $this->assertContains((string) $reason->status(), $statuses[1]);
        }
    }

    public function test_its_test_passes_in_an_application_that_does_what_it_expects(): void
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
     * The text under a heading of the third level.
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
