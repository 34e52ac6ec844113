<?php

declare(strict_types=1);

namespace Tests;

use Illuminate\Support\Facades\Event;
use RuntimeException;
use Tests\Support\Artisan;
use Tests\Support\RedisServer;
use Webpatser\ResonateWebhooks\Contracts\Cluster;
use Webpatser\ResonateWebhooks\Contracts\DeadLetters;
use Webpatser\ResonateWebhooks\Events\OperatorActed;

/**
 * Operations are recorded in the log and as events, with the user.
 */
final class AuditTrailTest extends PluginTestCase
{
    private ?Artisan $artisan = null;

    /**
     * @var list<OperatorActed>
     */
    private array $acted = [];

    protected function tearDown(): void
    {
        parent::tearDown();
        $this->artisan?->remove($this);
    }

    public function test_commands_record_the_user_the_operation_and_its_subjects(): void
    {
        $artisan = $this->artisan();
        [$one, $two, $three] = $this->store(3);
        $artisan->call('pause', ['endpoint' => 'billing']);
        $artisan->call('pause', ['endpoint' => 'billing']);
        $artisan->call('resume', ['endpoint' => 'billing']);
        $artisan->call('retry', ['id' => [$one, '1-1']]);
        $artisan->call('retry', ['id' => ['all']]);
        $artisan->call('forget', ['id' => [$two, '1-1']]);
        $artisan->call('flush', ['--force' => true]);
        $artisan->call('flush', ['--force' => true]);

        $this->assertSame([
            ['pause', ['billing'], 1], ['resume', ['billing'], 1], ['retry', [$one], 1], ['retry', [], 3], ['forget', [$two, '1-1'], 1], ['forget', [], 2],
        ], array_map(fn (OperatorActed $acted) => [$acted->operation->value, $acted->ids, $acted->count], $this->acted), 'what changed nothing is no action');
        $this->assertMatchesRegularExpression('/^[^@\s]+@'.preg_quote(gethostname(), '/').'$/', (string) $this->acted[0]->by);
        $this->assertSame(['console'], array_values(array_unique(array_column($this->acted, 'via'))));

        $log = file_get_contents($artisan->laravel->storagePath('logs/laravel.log'));
        $this->assertSame(6, preg_match_all('/INFO: Resonate webhooks: operator action "(pause|resume|retry|forget)" \{"ids":/', $log));
        $this->assertStringContainsString('"by":"'.$this->acted[0]->by.'","via":"console"', $log);
    }

    public function test_adopting_the_data_of_a_renamed_application_is_recorded(): void
    {
        $artisan = $this->artisan(['cluster_name' => 'after']);
        $node = $this->node(['cluster_name' => 'before']);
        $node->connect('ann');
        $node->command('ann', 'subscribe', 'private-room');
        $this->awaitEvent('channel_occupied private-room');
        $node->stop();

        $this->assertSame(0, $artisan->call('adopt', ['--force' => true])[0]);
        $this->assertSame([['adopt', ['before'], 1]], array_map(fn (OperatorActed $acted) => [$acted->operation->value, $acted->ids, $acted->count], $this->acted));
    }

    public function test_a_listener_that_throws_does_not_undo_the_operation(): void
    {
        $artisan = $this->artisan();
        Event::listen(OperatorActed::class, fn () => throw new RuntimeException('The audit database is away'));

        $this->assertSame(0, $artisan->call('pause', ['endpoint' => 'billing'])[0]);
        $this->assertNotSame([], preg_grep('/The audit database is away/', file($artisan->laravel->storagePath('logs/laravel.log'))), 'the exception is reported');
    }

    public function test_code_that_injects_the_contracts_is_recorded_too(): void
    {
        $laravel = $this->artisan()->laravel;
        [$one] = $this->store(1);

        $laravel->call(fn (Cluster $cluster) => $this->assertTrue($cluster->pause('billing')));
        $laravel->call(fn (DeadLetters $deadLetters) => $this->assertSame(1, $deadLetters->forget([$one])));

        $this->assertSame(['pause', 'forget'], array_map(fn (OperatorActed $acted) => $acted->operation->value, $this->acted));
    }

    public function test_commands_use_the_contracts_in_the_container(): void
    {
        $artisan = $this->artisan();
        $endpoint = ['id' => 'fake', 'label' => 'A fake'];
        $cluster = $this->createMock(Cluster::class);
        $cluster->expects($this->once())->method('endpoints')->with('fake')->willReturn([$endpoint]);
        $cluster->expects($this->once())->method('pause')->with('fake')->willReturn(true);
        $deadLetters = $this->createMock(DeadLetters::class);
        $deadLetters->expects($this->once())->method('retryAll')->willReturn(7);
        $artisan->laravel->instance(Cluster::class, $cluster);
        $artisan->laravel->instance(DeadLetters::class, $deadLetters);

        $this->assertStringContainsString('A fake is paused', $artisan->call('pause', ['endpoint' => 'fake'])[1]);
        $this->assertStringContainsString('7 dead letters', $artisan->call('retry', ['id' => ['all']])[1]);
    }

    /**
     * @param  array<string, mixed>  $changes
     */
    private function artisan(array $changes = []): Artisan
    {
        $this->artisan = new Artisan($this->config(['endpoints' => ['billing' => $this->endpoint()], ...$changes]));
        Event::listen(function (OperatorActed $acted): void {
            $this->acted[] = $acted;
        });

        return $this->artisan;
    }

    /**
     * Store dead letters as servers do, and return their IDs.
     *
     * @return list<string>
     */
    private function store(int $count): array
    {
        return array_map(fn (int $number) => RedisServer::shared()->command(
            'XADD', $this->config()['key_prefix'].':dead', time()."000-{$number}", 'id', "msg_{$number}", 'endpoint', 'billing', 'url', 'http://127.0.0.1/',
            'app_id', '1', 'events', '1', 'attempts', '1', 'reason', 'HTTP 500', 'time_ms', '1', 'body', '{}',
        )[0], range(1, $count));
    }
}
