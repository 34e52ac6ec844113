<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\TestCase;
use Tests\Support\Docs;
use Webpatser\ResonateWebhooks\Native\Engine;

/**
 * The config blocks in docs/migrating.md are valid.
 */
final class MigratingTest extends TestCase
{
    /**
     * @return array<string, array{array<string, mixed>}>
     */
    public static function ours(): array
    {
        preg_match_all('/^## From ([^\n]+)$|^```php\n(.*?)^```$/ms', Docs::text('docs/migrating.md'), $found, PREG_SET_ORDER);
        $blocks = [];

        foreach ($found as $match) {
            if (isset($match[2])) {
                $blocks[$server] = [eval("return [{$match[2]}];")];
            } else {
                $server = $match[1];
            }
        }

        return $blocks;
    }

    /**
     * @param  array<string, mixed>  $config
     */
    #[DataProvider('ours')]
    public function test_the_config_block_is_valid(array $config): void
    {
        $engine = new Engine($config);

        $this->assertSame([], $engine->poll());
    }

    public function test_the_removed_classes_of_the_replaced_package_are_listed(): void
    {
        preg_match_all('/^\| `(\w+)` \|/m', strstr(strstr(Docs::text('docs/migrating.md'), '### Classes that are gone'), '### One server', true), $listed);
        $classes = [
            'Events\WebhookDelivered', 'Events\WebhookDropped', 'HttpWebhookTransport', 'OccupancyTracker', 'PendingDelivery', 'WebhookDispatcher',
            'WebhookEndpoint', 'WebhookEvent', 'WebhookPlugin', 'WebhookSigner', 'WebhookTransport', 'WebhooksServiceProvider',
        ];
        $exists = fn (string $class) => class_exists("Webpatser\\ResonateWebhooks\\{$class}");

        $this->assertEqualsCanonicalizing(array_values(array_filter($classes, fn (string $class) => ! $exists($class))), $listed[1]);
    }

    public function test_every_server_with_a_config_has_a_block(): void
    {
        $this->assertSame(['soketi', 'Sockudo', 'Pusher Channels'], array_keys(self::ours()));
    }
}
