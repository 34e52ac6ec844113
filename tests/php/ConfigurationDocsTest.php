<?php

declare(strict_types=1);

namespace Tests;

use Illuminate\Support\Arr;
use Tests\Support\Docs;

/**
 * docs/configuration.md lists the keys of the published config file.
 */
final class ConfigurationDocsTest extends PluginTestCase
{
    public function test_its_tables_have_every_key_of_the_config_file(): void
    {
        preg_match_all('/^\|[^|\n]*/m', Docs::text('docs/configuration.md'), $cells);
        $config = Arr::except(require dirname(__DIR__, 2).'/php/config/resonate-webhooks.php', 'endpoints');
        $missing = array_filter(
            // The keys of a list are not config keys.
            array_unique(preg_replace('/\.\d+$/', '', array_keys(Arr::dot($config)))),
            fn (string $key) => ! str_contains(implode($cells[0]), "`{$key}`"),
        );

        $this->assertSame([], array_values($missing));
    }
}
