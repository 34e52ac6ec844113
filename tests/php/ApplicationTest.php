<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\Attributes\Group;
use Tests\Support\FakeClient;
use Tests\Support\Receiver;
use Tests\Support\RedisServer;
use Tests\Support\TestApplication;
use Tests\Support\Wait;

#[Group('host')]
final class ApplicationTest extends PluginTestCase
{
    public function test_a_rotated_secret_signs_from_the_next_connection_on(): void
    {
        $server = $this->serve(apps: [$app = TestApplication::app('1')]);

        $before = $server->connect()->subscribe('private-old');
        $this->awaitEvent('channel_occupied private-old');

        $this->replaceApplications([['secret' => 'rotated'] + $app]);
        $after = $server->connect()->subscribe('private-new');
        $this->awaitEvent('channel_occupied private-new');

        $before->whisper('private-old', 'client-from-before');
        $before->subscribe('private-later');
        $this->awaitEvent('channel_occupied private-later');
        $after->close();
        $this->awaitEvent('channel_vacated private-new');

        $this->assertSame(
            ['channel_occupied private-old' => 'secret-1'],
            array_filter($this->secretsOfEvents([$app['secret'], 'rotated']), fn (string $secret) => $secret !== 'rotated'),
        );
    }

    public function test_a_rotated_secret_signs_without_a_new_connection(): void
    {
        $server = $this->serve(['endpoints_refresh' => 0.1], [$app = TestApplication::app('1')]);
        $connection = $server->connect()->subscribe('private-old');
        $this->awaitEvent('channel_occupied private-old');

        $this->replaceApplications([['secret' => 'rotated'] + $app]);
        $this->awaitSecret('rotated', $connection);

        $connection->subscribe('private-last');
        $this->awaitEvent('channel_occupied private-last');
        $signers = $this->secretsOfEvents([$app['secret'], 'rotated']);
        $this->assertSame('rotated', $signers['channel_occupied private-last']);
        $this->assertSame('secret-1', $signers['channel_occupied private-old']);
    }

    public function test_a_provider_that_fails_is_retried_and_logged_once(): void
    {
        $server = $this->serve(['endpoints_refresh' => 0.1], [$app = TestApplication::app('1')]);
        $connection = $server->connect()->subscribe('private-old');

        $this->replaceApplications([['app_id' => 'broken']]);
        Wait::until(fn () => $this->refreshFailures() !== [], 'the refresh to fail');
        $this->replaceApplications([['secret' => 'rotated'] + $app]);

        $this->awaitSecret('rotated', $connection);
        $this->assertCount(1, $this->refreshFailures());
    }

    public function test_an_application_that_appears_later_is_registered_with_its_first_connection(): void
    {
        $server = $this->serve(apps: [$one = TestApplication::app('1')]);

        $this->replaceApplications([$one, TestApplication::app('2')]);
        $server->connect('key-2')->subscribe('private-room');
        $this->awaitEvent('channel_occupied private-room');

        $this->assertSame('key-2', Receiver::shared()->requests($this->path())[0]['headers']['x-pusher-key']);
    }

    public function test_a_provider_whose_database_is_down_at_boot_loses_no_event(): void
    {
        $application = $this->application = new TestApplication($this->config(), [TestApplication::app('1')]);
        $apps = $application->laravel['config']['reverb.apps.apps'];

        $application->laravel['config']->set('reverb.apps.apps', [['app_id' => 'broken']]);
        $server = $this->server = new Support\FakeServer($application->laravel);
        $application->laravel['config']->set('reverb.apps.apps', $apps);
        $this->forgetProvider();

        $server->connect()->subscribe('private-room');
        $this->awaitEvent('channel_occupied private-room');
        $this->assertSame([], preg_grep('/are off/', $application->log()));
        $this->assertCount(1, $this->refreshFailures());
    }

    public function test_an_application_that_only_a_dead_node_knew_is_registered(): void
    {
        $apps = [TestApplication::app('1'), TestApplication::app('2')];
        $dead = $this->node(['flush_interval' => 60, 'ttl' => 3], $apps);
        $dead->connect('ann', 'key-2');
        $dead->command('ann', 'subscribe', 'private-room');

        // Its outbox keeps the event until another node delivers it.
        $redis = RedisServer::shared();
        $waiting = fn () => array_sum(array_map(fn (int $n) => (int) $redis->command('XLEN', "{$this->config()['key_prefix']}:out:{$n}")[0], range(0, 15)));
        Wait::until(fn () => $waiting() === 1, 'the event to reach the outbox');
        $this->killNode($dead);

        $this->serve(['ttl' => 3], [$apps[0]]);
        $this->replaceApplications($apps);

        $this->awaitEvent('channel_occupied private-room');
        $this->assertSame('key-2', Receiver::shared()->requests($this->path())[0]['headers']['x-pusher-key']);
    }

    /**
     * Wait until events are signed with a secret, while new ones are sent.
     */
    private function awaitSecret(string $secret, FakeClient $connection): void
    {
        $channels = 0;

        Wait::until(function () use ($secret, $connection, &$channels): bool {
            $connection->subscribe('private-'.$channels++);

            return in_array($secret, $this->secretsOfEvents([$secret]), true);
        }, "events signed with {$secret}");
    }

    /**
     * Get the log lines of failed refreshes.
     *
     * @return array<int, string>
     */
    private function refreshFailures(): array
    {
        return preg_grep('/the applications stay as they are/', $this->application->log()) ?: [];
    }

    /**
     * Change the result of the provider, as a database would.
     *
     * @param  list<array<string, mixed>>  $apps
     */
    private function replaceApplications(array $apps): void
    {
        $this->application->laravel['config']->set('reverb.apps.apps', $apps);
        $this->forgetProvider();
    }

    /**
     * The real package has its provider in a manager.
     */
    private function forgetProvider(): void
    {
        $this->application->laravel->forgetInstance('Webpatser\\Resonate\\ApplicationManager');
    }

    /**
     * Get the secret that signed each event.
     *
     * @param  list<string>  $secrets
     * @return array<string, string>
     */
    private function secretsOfEvents(array $secrets): array
    {
        $signers = [];

        foreach (Receiver::shared()->requests($this->path()) as $request) {
            foreach ($secrets as $secret) {
                if (hash_hmac('sha256', $request['body'], $secret) === $request['headers']['x-pusher-signature']) {
                    foreach (json_decode($request['body'], true)['events'] as $event) {
                        $signers[$event['name'].' '.$event['channel']] = $secret;
                    }
                }
            }
        }

        return $signers;
    }
}
