<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\TestCase;
use Tests\Support\Project;
use Tests\Support\RedisServer;

/**
 * The install command, on the files of a fresh project.
 */
final class InstallTest extends TestCase
{
    private const string URL = 'https://receiver.test/webhooks?team=$1&name="a"';

    private Project $project;

    private RedisServer $redis;

    protected function setUp(): void
    {
        $this->project = new Project;
        $this->redis = new RedisServer;
        $this->project->write('.env', "APP_NAME=Test\nREDIS_HOST=127.0.0.1\nREDIS_PORT={$this->redis->port}\nRESONATE_WEBHOOK_URL=\n");
        $this->project->write('config/reverb.php', <<<'PHP'
            <?php

            return [

                // 'servers' => ['reverb' => ['plugins' => [],
                'servers' => [

                    'reverb' => [
                        'host' => env('REVERB_SERVER_HOST', '0.0.0.0'),
                        'options' => ['tls' => []],
                        'plugins' => array(
                            App\Plugins\Greeter::class // says hello
                        ),
                    ],

                ],

                'apps' => ['provider' => 'config', 'apps' => []],

            ];
            PHP);
    }

    protected function tearDown(): void
    {
        $this->project->remove($this);
    }

    public function test_it_installs_and_checks(): void
    {
        [$code, $output] = $this->install();

        $this->assertSame(0, $code, $output);
        $this->assertSame(4, substr_count($output, 'DONE'), $output);

        foreach (['Plugin', 'Redis', 'Endpoints'] as $subject) {
            $this->assertStringContainsString("{$subject} OK", $output);
        }

        $this->assertStringContainsString("\n        ['url' => env('RESONATE_WEBHOOK_URL')],\n    ],\n", $this->project->read('config/resonate-webhooks.php'));
        $this->assertStringEndsWith('RESONATE_WEBHOOK_URL="https://receiver.test/webhooks?team=\\$1&name=\\"a\\""'."\n", $this->project->read('.env'));
        $this->assertStringContainsString(<<<'PHP'
                        'plugins' => array(
                            App\Plugins\Greeter::class, // says hello
                            \Webpatser\ResonateWebhooks\WebhookPlugin::class,
                        ),
            PHP, $this->project->read('config/reverb.php'));
    }

    public function test_it_adds_the_roster_before_the_webhooks(): void
    {
        $this->project->write('bootstrap/roster.php', '<?php namespace Webpatser\ResonateRoster; class RedisRosterPlugin {}');
        $this->project->edit('bootstrap/app.php', '<?php', "<?php require_once __DIR__.'/roster.php';");
        $this->project->write('config/resonate-roster.php', "<?php return ['connection' => ['port' => env('REDIS_PORT')], 'track' => env('RESONATE_ROSTER_TRACK', 'presence')];");

        [$code, $output] = $this->install();

        $this->assertSame(0, $code, $output);
        $this->assertStringContainsString('Roster OK', $output);
        $this->assertMatchesRegularExpression('/\\\\RedisRosterPlugin::class,\s+\\\\\S+\\\\WebhookPlugin::class,/', $this->project->read('config/reverb.php'));
        $this->assertStringEndsWith("\nRESONATE_ROSTER_TRACK=\"all\"\n", $this->project->read('.env'));
    }

    public function test_it_adds_the_list_of_plugins_where_there_is_none(): void
    {
        $this->project->write('config/reverb.php', "<?php\n\nreturn ['servers' => ['reverb' => ['port' => 8080]], 'apps' => ['provider' => 'config', 'apps' => []]];\n");

        [$code, $output] = $this->install();

        $this->assertSame(0, $code, $output);
        $this->assertStringContainsString('Plugin OK', $output);
    }

    public function test_a_second_run_changes_nothing(): void
    {
        $this->install();
        $files = $this->files();
        [$code, $output] = $this->install();

        $this->assertSame(0, $code, $output);
        $this->assertStringNotContainsString('DONE', $output);
        $this->assertSame($files, $this->files());
    }

    public function test_a_subclass_of_the_plugin_is_the_plugin(): void
    {
        $this->project->write('bootstrap/plugin.php', '<?php namespace App; class Plugin extends \Webpatser\ResonateWebhooks\WebhookPlugin {}');
        $this->project->edit('bootstrap/app.php', '<?php', "<?php require_once __DIR__.'/plugin.php';");
        $this->project->edit('config/reverb.php', 'App\Plugins\Greeter::class', 'App\Plugin::class');
        $before = $this->project->read('config/reverb.php');

        [$code, $output] = $this->install();

        $this->assertSame(0, $code, $output);
        $this->assertStringContainsString('Plugin OK', $output);
        $this->assertSame($before, $this->project->read('config/reverb.php'));
    }

    public function test_a_dry_run_changes_nothing(): void
    {
        $files = $this->files();
        [$code, $output] = $this->install('--dry-run');

        $this->assertSame(0, $code, $output);
        $this->assertStringContainsString('Add the plugin to config/reverb.php DONE', $output);
        $this->assertSame($files, $this->files());
    }

    public function test_what_it_cannot_change_is_left_to_the_user(): void
    {
        $this->project->write('config/reverb.php', "<?php return ['servers' => ['reverb' => ['plugins' => explode(',', 'A,B')]], 'apps' => ['apps' => []]];");
        $this->project->edit('.env', 'RESONATE_WEBHOOK_URL=', 'RESONATE_WEBHOOK_URL=https://other.test');
        $files = $this->files();

        [$code, $output] = $this->install();

        $this->assertSame(1, $code, $output);
        $this->assertSame(2, substr_count($output, 'TO DO'), $output);
        $this->assertSame(array_slice($files, 0, 2), array_slice($this->files(), 0, 2));
    }

    /**
     * @return array{int, string}
     */
    private function install(string ...$options): array
    {
        return $this->project->artisan('resonate-webhooks:install', '--url='.self::URL, ...$options);
    }

    /**
     * @return list<string>
     */
    private function files(): array
    {
        return array_map(fn (string $path) => @$this->project->read($path), ['.env', 'config/reverb.php', 'config/resonate-webhooks.php']);
    }
}
