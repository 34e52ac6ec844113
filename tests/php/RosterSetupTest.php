<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\TestCase;
use Webpatser\ResonateWebhooks\RosterSetup;
use Webpatser\ResonateWebhooks\WebhookPlugin;

final class RosterSetupTest extends TestCase
{
    private const string ROSTER = 'Webpatser\ResonateRoster\RedisRosterPlugin';

    private const array REDIS = ['url' => null, 'host' => 'redis', 'port' => '6379', 'database' => '0'];

    public function test_a_fitting_roster_needs_no_words(): void
    {
        $this->assertSame([], $this->mistakes());
        $this->assertSame([], $this->mistakes(webhooks: ['connection' => ['host' => 'redis', 'port' => 6379, 'database' => 0]]));
        $this->assertSame([], $this->mistakes(webhooks: ['connection' => ['url' => 'redis://redis'] + self::REDIS]));
    }

    /**
     * @param  array<string, mixed>  $setup
     */
    #[DataProvider('misfits')]
    public function test_a_misfit_is_named(string $named, array $setup): void
    {
        $mistakes = $this->mistakes(...$setup);

        $this->assertCount(1, $mistakes);
        $this->assertStringContainsString($named, $mistakes[0]);
    }

    /**
     * @return iterable<string, array{0: string, 1: array<string, mixed>}>
     */
    public static function misfits(): iterable
    {
        yield 'no roster' => ['missing', ['plugins' => [WebhookPlugin::class]]];
        yield 'the wrong order' => ['comes after', ['plugins' => [WebhookPlugin::class, self::ROSTER]]];
        yield 'presence channels only' => ['track', ['roster' => ['connection' => self::REDIS]]];
        yield 'another host' => ['different Redis', ['webhooks' => ['connection' => ['host' => 'other'] + self::REDIS]]];
        yield 'another database' => ['different Redis', ['webhooks' => ['connection' => ['database' => 1] + self::REDIS]]];
        yield 'another URL' => ['different Redis', [
            'roster' => ['track' => 'all', 'connection' => ['url' => 'redis://:a-password@one']],
            'webhooks' => ['connection' => ['url' => 'redis://:a-password@two']],
        ]];
    }

    public function test_the_engine_learns_where_the_keys_of_the_roster_are(): void
    {
        $keys = fn (array $roster, array $plugins = [self::ROSTER], array $webhooks = ['connection' => self::REDIS]) => RosterSetup::keys(
            $plugins, $roster + ['connection' => self::REDIS], $webhooks,
        );

        $this->assertSame(['key_prefix' => 'roster', 'ttl' => 90], $keys([]));
        $this->assertSame(['key_prefix' => 'r', 'ttl' => 30], $keys(['key_prefix' => 'r', 'ttl' => '30']));
        $this->assertSame(['key_prefix' => 'roster', 'ttl' => 1], $keys(['ttl' => -1]));
        $this->assertSame(['key_prefix' => 'roster', 'ttl' => 2592000], $keys(['ttl' => PHP_INT_MAX]));
        $this->assertNull($keys([], plugins: [WebhookPlugin::class]));
        $this->assertNull($keys([], webhooks: ['connection' => ['host' => 'other'] + self::REDIS]));
    }

    public function test_no_password_is_repeated(): void
    {
        $mistakes = $this->mistakes(
            roster: ['connection' => ['url' => 'redis://:a-password@one']],
            webhooks: ['connection' => ['url' => 'redis://:a-password@two']],
        );

        $this->assertStringNotContainsString('a-password', implode($mistakes));
    }

    /**
     * @param  list<string>  $plugins
     * @param  array<string, mixed>  $roster
     * @param  array<string, mixed>  $webhooks
     * @return list<string>
     */
    private function mistakes(
        array $plugins = [self::ROSTER, WebhookPlugin::class],
        array $roster = ['track' => 'all', 'connection' => self::REDIS],
        array $webhooks = ['connection' => self::REDIS],
    ): array {
        return RosterSetup::mistakes($plugins, $roster, $webhooks);
    }
}
