<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\Attributes\Large;
use Tests\Support\Artisan;
use Tests\Support\RedisServer;
use Tests\Support\Wait;
use Webpatser\ResonateWebhooks\ClusterIdentity;
use Webpatser\ResonateWebhooks\Native\Cluster;
use Webpatser\ResonateWebhooks\Settings;

#[Large]
final class ClusterIdentityTest extends PluginTestCase
{
    private const array APP = ['name' => 'Shop', 'env' => 'production', 'key' => 'base64:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0NTY='];

    private ?Artisan $artisan = null;

    protected function tearDown(): void
    {
        parent::tearDown();
        $this->artisan?->remove($this);
    }

    public function test_a_configured_name_is_the_identity(): void
    {
        $this->assertSame(['name' => 'eu-west', 'aliases' => []], ClusterIdentity::of(' eu-west ', self::APP));
        $this->assertSame(ClusterIdentity::of(null, self::APP), ClusterIdentity::of('', self::APP));
    }

    public function test_name_environment_and_key_each_change_the_identity(): void
    {
        $name = fn (array $changes) => ClusterIdentity::of(null, $changes + self::APP)['name'];

        $this->assertMatchesRegularExpression('/^Shop \(production, key [0-9a-f]{12}\)$/', $name([]));
        $names = [$name([]), $name(['name' => 'Forum']), $name(['env' => 'staging']), $name(['key' => 'another']), $name(['key' => null])];
        $this->assertSame($names, array_unique($names));
        $this->assertSame('Shop (production)', $name(['key' => '']));
        $this->assertNull(ClusterIdentity::of(null, []));
    }

    public function test_the_identity_does_not_contain_the_key(): void
    {
        $key = base64_decode(substr(self::APP['key'], 7));
        $identity = ClusterIdentity::of(null, self::APP)['name'];

        $this->assertSame($identity, ClusterIdentity::of(null, ['key' => $key] + self::APP)['name'], 'both notations are the same key');

        foreach ([hash('sha256', $key), bin2hex($key), substr(self::APP['key'], 7), $key] as $secret) {
            $this->assertStringNotContainsStringIgnoringCase(substr($secret, 0, 12), $identity);
        }
    }

    public function test_previous_keys_are_aliases(): void
    {
        $before = ClusterIdentity::of(null, ['key' => 'before'] + self::APP)['name'];
        $identity = ClusterIdentity::of(null, ['previous_keys' => ['before', '', self::APP['key'], 'before']] + self::APP);

        $this->assertSame([$before], $identity['aliases']);
    }

    public function test_the_extension_gets_the_identity_without_the_key(): void
    {
        $laravel = $this->artisan(['cluster' => ['name' => 'somebody'], 'cluster_name' => null])->laravel;
        $laravel->make('config')->set('app', self::APP);
        $settings = Settings::forExtension();

        $this->assertSame(ClusterIdentity::of(null, self::APP), $settings['cluster']);
        $this->assertStringNotContainsString('QUJDREVG', json_encode($settings));
        $this->assertStringNotContainsString('ABCDEFGH', print_r(new Cluster($settings), true));
        $this->assertSame($settings['cluster']['name'], (new Cluster($settings))->status()['identity']['own']);
    }

    public function test_a_server_of_another_application_sends_no_webhooks_until_it_adopts_the_data(): void
    {
        $node = $this->node(['cluster_name' => 'shop']);
        $node->connect('ann');
        $node->command('ann', 'subscribe', 'private-room');
        $this->assertEvents(['channel_occupied private-room']);
        $node->stop();

        $artisan = $this->artisan(['cluster_name' => 'store']);
        $check = fn () => array_column(json_decode($artisan->call('check', ['--json' => true])[1], true), null, 'subject')['Cluster'];
        $this->assertSame('error', $check()['level']);

        foreach (['"shop"', '"store"'] as $words) {
            $this->assertStringContainsString($words, $check()['message']);
        }

        foreach (['RESONATE_WEBHOOKS_PREFIX', 'RESONATE_WEBHOOKS_CLUSTER_NAME', 'resonate-webhooks:adopt'] as $words) {
            $this->assertStringContainsString($words, $check()['fix']);
        }

        $store = $this->node(['cluster_name' => 'store', 'endpoints' => [$this->endpoint('/store')]]);
        $store->connect('bob');
        $store->command('bob', 'subscribe', 'private-store');
        [$code, $output] = $artisan->call('adopt');
        $this->assertSame(1, $code, 'not interactive');
        $this->assertStringContainsString('--force', $output);

        [$code, $output] = $artisan->call('adopt', ['--force' => true]);
        $this->assertSame(0, $code, $output);
        $this->assertStringContainsString('[shop] now belongs to [store]', $output);
        $this->assertSame('ok', $check()['level']);
        $this->assertStringContainsString('already', $artisan->call('adopt')[1]);
        Wait::until(fn () => in_array('channel_occupied private-store', $this->events('/store'), true), 'the webhook');
        $store->stop();
    }

    public function test_check_and_adopt_name_a_newer_schema(): void
    {
        $node = $this->node(['cluster_name' => 'shop']);
        $node->connect('ann');
        $node->command('ann', 'subscribe', 'private-room');
        $this->assertEvents(['channel_occupied private-room']);
        $node->stop();
        RedisServer::shared()->command('HSET', $this->config()['key_prefix'].':owners', 'schema', '7');

        $artisan = $this->artisan(['cluster_name' => 'shop']);
        $this->assertStringContainsString('has schema 7', $artisan->call('check')[1]);
        [$code, $output] = $artisan->call('adopt', ['--force' => true]);
        $this->assertSame(1, $code);
        $this->assertStringContainsString('schema 7', $output);
    }

    /**
     * @param  array<string, mixed>  $changes
     */
    private function artisan(array $changes = []): Artisan
    {
        return $this->artisan = new Artisan($this->config($changes));
    }
}
