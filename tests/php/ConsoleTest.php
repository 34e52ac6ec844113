<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\Attributes\Large;
use Tests\Support\Artisan;
use Tests\Support\FreePort;
use Tests\Support\Process;
use Tests\Support\Receiver;
use Tests\Support\RedisServer;
use Tests\Support\Wait;
use Webpatser\ResonateWebhooks\Native\Cluster;
use Webpatser\ResonateWebhooks\Native\DeadLetters;

#[Large]
final class ConsoleTest extends PluginTestCase
{
    private ?Artisan $artisan = null;

    protected function tearDown(): void
    {
        parent::tearDown();
        $this->artisan?->remove($this);
    }

    public function test_status_shows_servers_endpoints_and_lanes(): void
    {
        $endpoints = ['good' => $this->endpoint(more: ['name' => 'Billing']), 'bad' => $this->endpoint('/status/500')];
        $artisan = $this->artisan(['endpoints' => $endpoints]);
        [$code, $output] = $artisan->call('status');
        $this->assertSame(2, $code, $output);
        $this->assertStringContainsString('No running servers found', $output);
        $this->assertSame(2, substr_count($output, 'NOT REPORTED'), $output);

        $node = $this->node(['endpoints' => $endpoints]);
        $node->connect('ann');
        $node->command('ann', 'subscribe', 'private-room');
        $status = Wait::until(function () use ($artisan) {
            $status = json_decode($artisan->call('status', ['--json' => true])[1], true, flags: JSON_THROW_ON_ERROR);

            return array_column($status['endpoints'], 'state', 'id') === ['good' => 'ok', 'bad' => 'failing']
                && $status['lanes'] !== [] && $status['counters']['events_delivered'] === 1 ? $status : false;
        }, 'the failure');
        $this->assertSame('running', $status['nodes'][0]['state']);

        [$code, $output] = $artisan->call('status');
        $this->assertSame(0, $code);

        foreach (['RUNNING', 'Billing (', 'OK', 'FAILING for', 'HTTP 500', '1 event delivered', 'Lanes', 'attempt'] as $words) {
            $this->assertStringContainsString($words, $output);
        }

        $node->stop();
    }

    public function test_check_names_a_transport_of_the_replaced_package(): void
    {
        $artisan = $this->artisan(['endpoints' => [$this->endpoint()]]);
        $this->assertStringNotContainsString('WebhookTransport', $artisan->call('check')[1]);

        $artisan->laravel->bind('Webpatser\\ResonateWebhooks\\WebhookTransport', fn () => null);
        [$code, $output] = $artisan->call('check', ['--json' => true]);

        $this->assertSame(1, $code);
        $this->assertMatchesRegularExpression('/WebhookTransport is bound.*EndpointProvider/s', $output);
    }

    public function test_test_sends_a_signed_webhook_without_a_server(): void
    {
        $artisan = $this->artisan(['endpoints' => [
            'good' => $this->endpoint(more: ['headers' => ['X-Tenant' => 'seven']]),
            'bad' => $this->endpoint('/status/500'),
            'gone' => ['url' => 'http://127.0.0.1:'.FreePort::find().'/'],
        ]]);

        [$code, $output] = $artisan->call('test', ['endpoint' => 'good']);
        $this->assertSame(0, $code, $output);
        $this->assertMatchesRegularExpression('/HTTP 200 .* ms/', $output);
        [$request] = Receiver::shared()->requests($this->path());
        $this->assertSame(hash_hmac('sha256', $request['body'], 'secret-1'), $request['headers']['x-pusher-signature']);
        $this->assertSame(['key-1', 'seven'], [$request['headers']['x-pusher-key'], $request['headers']['x-tenant']]);
        $this->assertSame([['name' => 'test', 'channel' => 'resonate-webhooks-test']], json_decode($request['body'], true)['events']);

        [$code, $output] = $artisan->call('test');
        $this->assertSame(1, $code);
        $this->assertStringContainsString('Check its log', $output);
        $this->assertStringContainsString('Nothing listens there', $output);

        [$code, $output] = $artisan->call('test', ['endpoint' => 'bad', '--json' => true]);
        [$result] = json_decode($output, true, flags: JSON_THROW_ON_ERROR);
        $this->assertSame([1, 'bad', '1', false, 500], [$code, $result['endpoint'], $result['app_id'], $result['ok'], $result['status']]);

        foreach ([['endpoint' => 'nobody'], ['endpoint' => 'good', '--app' => 'none']] as $arguments) {
            $this->assertSame(1, $artisan->call('test', $arguments)[0]);
        }
    }

    public function test_dead_letters_are_listed_shown_retried_forgotten_and_flushed(): void
    {
        $artisan = $this->artisan();
        $this->assertStringContainsString('No dead letters found', $artisan->call('failed')[1]);
        $this->assertStringContainsString('No dead letters found', $artisan->call('retry', ['id' => ['all']])[1]);

        $node = $this->node(['max_attempts' => 1, 'endpoints' => [$this->endpoint('/flaky/3')]]);
        $deadLetters = new DeadLetters($this->config());
        $node->connect('ann');

        foreach (['one', 'two', 'three'] as $n => $channel) {
            $node->command('ann', 'subscribe', $channel);
            Wait::until(fn () => $deadLetters->count() === $n + 1, 'the dead letter');
        }

        [$three, $two, $one] = array_column($deadLetters->list(), 'id');
        [$code, $output] = $artisan->call('failed', ['--limit' => 1]);
        $this->assertSame(0, $code);
        $this->assertStringContainsString($three, $output);
        $this->assertStringContainsString("Use --before={$three} to list older dead letters", $output);
        $this->assertStringNotContainsString('older dead letters', $artisan->call('failed', ['--before' => $three])[1]);
        $this->assertSame([$two, $one], array_column(json_decode($artisan->call('failed', ['--before' => $three, '--json' => true])[1], true), 'id'));

        [$code, $output] = $artisan->call('show', ['id' => $one]);
        $this->assertSame(0, $code);
        $this->assertStringContainsString('HTTP 500', $output);
        $this->assertStringContainsString('"channel": "one"', $output);
        $this->assertMatchesRegularExpression('/Answer HTTP 500, 20.*Answer: Oops: no \[1mdatabase, \[redacted\]\n/s', $output);
        $this->assertSame($one, json_decode($artisan->call('show', ['id' => $one, '--json' => true])[1], true)['id']);
        $this->assertSame(1, $artisan->call('show', ['id' => '1-1'])[0]);

        [$code, $output] = $artisan->call('retry', ['id' => [$one, '1-1']]);
        $this->assertSame(1, $code);
        $this->assertStringContainsString('QUEUED', $output);
        $this->assertStringContainsString('Unable to find dead letter with ID [1-1]', $output);
        Wait::until(fn () => $deadLetters->find($one) === null, 'the delivery');

        $this->assertSame(0, $artisan->call('forget', ['id' => [$two]])[0]);
        $this->assertSame(1, $artisan->call('forget', ['id' => [$two]])[0]);
        $this->assertSame(0, $artisan->call('flush', ['--hours' => 1, '--force' => true])[0]);
        $this->assertSame(1, $artisan->call('flush', ['--hours' => 'soon', '--force' => true])[0]);
        $this->assertSame([1, 1], [$artisan->call('flush')[0], $deadLetters->count()], 'not confirmed');
        [$code, $output] = $artisan->call('flush', ['--force' => true]);
        $this->assertSame([0, 0], [$code, $deadLetters->count()]);
        $this->assertStringContainsString('1 dead letter deleted', $output);
        $node->stop();
    }

    public function test_an_endpoint_is_paused_and_resumed_by_its_name(): void
    {
        $changes = ['endpoints' => ['billing' => $this->endpoint(more: ['name' => 'Billing'])]];
        $artisan = $this->artisan($changes);
        [$code, $output] = $artisan->call('pause', ['endpoint' => 'Billing']);
        $this->assertSame(0, $code, $output);
        $this->assertStringContainsString('is paused. Servers stop sending', $output);
        $this->assertStringContainsString('is already paused', $artisan->call('pause', ['endpoint' => 'billing'])[1]);

        $node = $this->node($changes);
        $node->connect('ann');
        $node->command('ann', 'subscribe', 'private-room');
        Wait::until(fn () => str_contains($output = $artisan->call('status')[1], 'PAUSED') && str_contains($output, '1 waiting'), 'the pause');
        $this->assertSame([], $this->events());

        [$code, $output] = $artisan->call('resume', ['endpoint' => $changes['endpoints']['billing']['url']]);
        $this->assertSame(0, $code, $output);
        $this->assertEvents(['channel_occupied private-room']);
        $this->assertStringContainsString('is neither paused nor disabled', $artisan->call('resume', ['endpoint' => 'billing'])[1]);
        $this->assertSame([1, 1], [$artisan->call('pause', ['endpoint' => 'x'])[0], $artisan->call('resume', ['endpoint' => 'x'])[0]]);

        (new Cluster($this->config()))->pause('removed');
        $this->assertSame(0, $artisan->call('resume', ['endpoint' => 'removed'])[0], 'an endpoint that is no longer configured');
        $node->stop();
    }

    public function test_an_endpoint_that_answered_410_is_resumed(): void
    {
        $changes = ['endpoints' => ['billing' => $this->endpoint('/status/410', more: ['name' => 'Billing'])]];
        $artisan = $this->artisan($changes);
        $node = $this->node($changes);
        $node->connect('ann');
        $node->command('ann', 'subscribe', 'private-room');
        $cluster = new Cluster($this->config());
        Wait::until(fn () => array_keys($cluster->disabled()) === ['billing'], 'the disabled state in Redis');
        Wait::until(fn () => str_contains($output = $artisan->call('status')[1], 'DISABLED') && str_contains($output, 'resume billing'), 'the state');

        [$code, $output] = $artisan->call('resume', ['endpoint' => 'Billing']);
        $this->assertSame([0, []], [$code, $cluster->disabled()], $output);
        Wait::until(fn () => ! str_contains($artisan->call('status')[1], 'DISABLED'), 'the servers to apply it');
        $node->stop();
    }

    public function test_watch_shows_deliveries_while_it_runs(): void
    {
        $node = $this->node();
        $node->command(null, 'traffic');

        [$code, $output] = $this->artisan()->call('watch', ['--seconds' => 5, '--json' => true]);
        $this->assertSame(0, $code, $output);
        $seen = array_map(fn (string $line) => json_decode($line, true, flags: JSON_THROW_ON_ERROR), explode("\n", trim($output)));
        $sent = array_column(array_column(Receiver::shared()->requests($this->path()), 'headers'), 'webhook-id');
        $this->assertSame([], array_diff(array_column($seen, 'id'), $sent));
        $this->assertSame([200, null, '1'], [$seen[0]['status'], $seen[0]['error'], $seen[0]['app_id']]);
        $this->assertSame(array_unique(array_column($seen, 'id')), array_column($seen, 'id'), 'each is shown once');

        [$code, $output] = $this->artisan->call('watch', ['--seconds' => 5]);
        $this->assertSame(0, $code);
        $this->assertStringContainsString('HTTP 200', $output);
        $this->assertStringNotContainsString('Oops', $output);
        $node->stop();

        $node = $this->node(['endpoints' => [$this->endpoint('/status/500')], 'backoff' => [0.5], 'max_attempts' => 100]);
        $node->connect('ann');
        $node->command('ann', 'subscribe', 'room');
        $this->assertMatchesRegularExpression('/HTTP 500 +\n +Oops: no \[1mdatabase, \[redacted\]\n/', $this->artisan->call('watch', ['--seconds' => 5])[1]);
        $this->assertStringContainsString('answer: Oops: no [1mdatabase, [redacted]', $this->artisan->call('status')[1]);
        $node->stop();
    }

    public function test_without_the_extension_the_output_is_one_clear_line(): void
    {
        $process = Process::plainPhp('console-without-extension.php', 'a console without the extension');

        foreach ($process->rest() as $line) {
            [$command, $code, $output] = json_decode($line, true, flags: JSON_THROW_ON_ERROR);
            $this->assertSame(1, $code, $command);
            $this->assertStringContainsString('resonate_webhooks is not loaded', $output, $command);
            $this->assertCount(1, array_filter(explode("\n", $output), fn (string $line) => trim($line) !== ''), $output);
            $commands[] = $command;
        }

        $this->assertCount(12, $commands);
    }

    public function test_check_finds_problems_and_their_fixes(): void
    {
        [$code, $output] = $this->artisan()->call('check', ['--json' => true]);
        $findings = json_decode($output, true, flags: JSON_THROW_ON_ERROR);
        $levels = array_column($findings, 'level', 'subject');
        $this->assertSame(0, $code, $output);
        $this->assertSame(
            ['Extension' => 'ok', 'Config' => 'ok', 'Plugin' => 'ok', 'Resonate' => 'ok', 'Roster' => 'warning', 'Redis' => 'ok', 'Endpoints' => 'ok', 'Cluster' => 'ok', 'Rights' => 'ok', 'Writes' => 'ok', 'Keys' => 'ok', 'Persistence' => 'warning', 'Eviction' => 'ok', 'Clocks' => 'ok', 'Servers' => 'warning', 'Requests' => 'ok', 'Agreement' => 'ok'],
            $levels,
        );
        $this->assertSame([], array_filter($findings, fn (array $finding) => $finding['level'] !== 'ok' && $finding['fix'] === ''));

        $this->artisan->laravel->forgetScopedInstances();
        $this->artisan->laravel->make('config')->set('resonate-webhooks.ttl', 'soon');
        $this->artisan->laravel->make('config')->set('reverb.servers.reverb.plugins', []);
        [$code, $output] = $this->artisan->call('check');
        $this->assertSame(1, $code);
        $this->assertStringContainsString('resonate-webhooks.ttl', $output);
        $this->assertStringContainsString('The webhooks plugin is missing', $output);
        $this->assertStringContainsString('Checks failed', $output);
    }

    public function test_check_names_a_redis_that_cannot_be_reached(): void
    {
        [$code, $output] = $this->artisan(['connection' => ['host' => '/nowhere/redis.sock']])->call('check');
        $this->assertSame(1, $code);
        $this->assertStringContainsString('/nowhere/redis.sock', $output);
    }

    public function test_check_names_an_unsuitable_redis_with_the_fix(): void
    {
        $redis = new RedisServer('--rename-command', 'EVALSHA', '');
        [$code, $output] = $this->artisan(['connection' => $redis->connection()])->call('check', ['--json' => true]);
        $this->assertSame(1, $code, $output);
        $findings = array_column(json_decode($output, true, flags: JSON_THROW_ON_ERROR), null, 'subject');
        $this->assertSame('error', $findings['Redis']['level']);
        $this->assertStringContainsString('cannot be used: it refuses our scripts (ERR unknown command', $findings['Redis']['message']);
        $this->assertStringContainsString('use Redis 6.2 or later, or Valkey', $findings['Redis']['message']);
        $this->assertSame('', $findings['Redis']['fix']);
    }

    public function test_check_names_refused_commands_and_foreign_keys(): void
    {
        $redis = new RedisServer;
        $changes = ['connection' => $redis->connection(), 'key_prefix' => 'wh'];
        $artisan = $this->artisan($changes);
        $findings = function () use ($artisan): array {
            [$code, $output] = $artisan->call('check', ['--json' => true]);
            $this->assertSame(1, $code, $output);

            return array_column(json_decode($output, true, flags: JSON_THROW_ON_ERROR), null, 'subject');
        };

        $redis->command('ACL', 'SETUSER', 'default', '-xadd', '-zrem');
        $rights = $findings()['Rights'];
        $this->assertSame(['error', 'the Redis user lacks permission for XADD, ZREM'], [$rights['level'], $rights['message']]);
        $this->assertStringContainsString('docs/configuration.md', $rights['fix']);
        $redis->command('ACL', 'SETUSER', 'default', '+@all');

        $redis->command('CONFIG', 'SET', 'maxmemory', '1');
        $writes = $findings()['Writes'];
        $this->assertStringContainsString('raise its maxmemory', $writes['message']);
        $redis->command('CONFIG', 'SET', 'maxmemory', '0');

        $redis->command('SET', 'wh:due', 'of another program');
        $keys = $findings()['Keys'];
        $this->assertStringContainsString('the key "wh:due" is a string and should be a sorted set: delete or rename it', $keys['message']);
        $redis->command('DEL', 'wh:due');

        // A key that the status needs.
        $redis->command('SET', 'wh:nodes', 'of another program');
        $this->assertStringContainsString('the key "wh:nodes" is a string', $findings()['Redis']['message']);
        $redis->command('DEL', 'wh:nodes');

        $node = $this->node($changes);
        $node->connect('ann');
        $redis->command('SET', 'wh:channels:1', 'of another program');
        $node->command('ann', 'subscribe', 'private-room');
        Wait::until(fn () => (new Cluster($this->config($changes)))->status()['foreign_keys'] !== [], 'the suspension');
        $found = $findings();
        $this->assertStringContainsString('wh:channels:1', $found['Keys']['message']);
        $this->assertStringContainsString('application 1 wait', $found['Keys']['fix']);
        Wait::until(fn () => ($requests = $findings()['Requests'])['level'] === 'warning' && str_contains($requests['message'], 'wrong_type'), 'the refusal');
        $redis->command('DEL', 'wh:channels:1');
        $this->assertEvents(['channel_occupied private-room']);
        $node->stop();
    }

    public function test_an_error_is_one_line(): void
    {
        $artisan = $this->artisan(['connection' => ['host' => '/nowhere/redis.sock']]);

        foreach (['status' => [], 'failed' => [], 'retry' => ['id' => ['all']], 'flush' => ['--force' => true], 'pause' => ['endpoint' => $this->endpoint()['url']], 'watch' => ['--seconds' => 1]] as $command => $arguments) {
            [$code, $output] = $artisan->call($command, $arguments);
            $this->assertSame(1, $code, $command);
            $this->assertStringContainsString('Redis at /nowhere/redis.sock: unreachable', $output);
        }

        $this->assertSame(['error'], array_keys(json_decode($artisan->call('status', ['--json' => true])[1], true)));
    }

    public function test_about_has_a_section(): void
    {
        [$code, $output] = $this->artisan()->call('about', ['--only' => 'resonate_webhooks'], prefix: '');
        $this->assertSame(0, $code);
        $this->assertStringContainsString(phpversion('resonate_webhooks'), $output);
        $this->assertMatchesRegularExpression('/Endpoints +1 *$/m', $output);

        $away = $this->artisan(['connection' => ['host' => '/nowhere/redis.sock']]);
        $this->assertMatchesRegularExpression('/Endpoints +1 configured, Redis is unavailable *$/m', $away->call('about', ['--only' => 'resonate_webhooks'], prefix: '')[1]);
    }

    /**
     * @param  array<string, mixed>  $changes
     */
    private function artisan(array $changes = []): Artisan
    {
        $this->artisan?->remove($this);

        return $this->artisan = new Artisan($this->config($changes));
    }
}
