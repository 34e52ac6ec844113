<?php

declare(strict_types=1);

namespace Tests;

use Illuminate\Queue\SqsQueue;
use PHPUnit\Framework\Attributes\Large;
use PHPUnit\Framework\TestCase;
use Tests\Support\Node;
use Tests\Support\Process;
use Tests\Support\Project;
use Tests\Support\Receiver;
use Tests\Support\RedisServer;
use Tests\Support\TestApplication;
use Tests\Support\Wait;
use Webpatser\ResonateWebhooks\Receiving\HandleWebhookJob;
use Webpatser\ResonateWebhooks\WebhookPlugin;

/**
 * A server pushes webhooks onto the queue of a Laravel application, and real workers handle them.
 */
#[Large]
final class QueueTest extends TestCase
{
    private const string QUEUE = 'app_queues:webhooks';

    private Project $project;

    private RedisServer $redis;

    /**
     * @var list<Process>
     */
    private array $workers = [];

    protected function setUp(): void
    {
        [$this->project, $this->redis] = [new Project, new RedisServer];

        $this->config('reverb', [
            'servers' => ['reverb' => ['plugins' => [WebhookPlugin::class], 'max_channel_name_length' => 0, 'max_subscriptions_per_connection' => 0]],
            'apps' => ['provider' => 'config', 'apps' => [TestApplication::app('1')]],
        ]);
        $this->config('database', ['redis' => [
            'client' => 'predis',
            'options' => ['prefix' => 'app_'],
            'queues' => ['url' => "redis://127.0.0.1:{$this->redis->port}/0"],
        ]]);
        $this->config('queue', [
            'default' => 'redis',
            // A worker that is not woken waits for longer than this test.
            'connections' => ['redis' => ['driver' => 'redis', 'connection' => 'queues', 'queue' => 'default', 'retry_after' => 2, 'block_for' => 60]],
            'failed' => ['driver' => 'null'],
        ]);
        $this->config('resonate-webhooks', [
            'connection' => ['host' => '127.0.0.1', 'port' => $this->redis->port],
            'ttl' => 3, 'flush_interval' => 0.05,
            'endpoints' => ['jobs' => ['queue' => 'webhooks']],
        ]);
        $this->config('resonate-webhooks-receiving', ['lock_for' => 1]);
        $this->project->write('routes/web.php', <<<'PHP'
            <?php

            use Illuminate\Support\Facades\Artisan;
            use Illuminate\Support\Facades\Event;
            use Illuminate\Support\Facades\Queue;
            use Webpatser\ResonateWebhooks\Receiving\Contracts\WebhookEvent;
            use Webpatser\ResonateWebhooks\Receiving\Events\ClientEvent;
            use Webpatser\ResonateWebhooks\Receiving\Events\WebhookReceived;
            use Webpatser\ResonateWebhooks\Receiving\HandleWebhookJob;

            $log = fn (string $kind, mixed ...$what) => file_put_contents(storage_path('handled'), json_encode([$kind, ...$what])."\n", FILE_APPEND | LOCK_EX);

            Event::listen(fn (WebhookReceived $event) => $log('webhook', $event->webhookId, md5(json_encode($event->payload))));

            Event::listen('Webpatser\ResonateWebhooks\Receiving\Events\*', function (string $name, array $events) use ($log): void {
                if ($events[0] instanceof WebhookEvent) {
                    is_file(storage_path('broken')) && throw new RuntimeException('a bug in a listener');
                    usleep((int) @file_get_contents(storage_path('pause')));
                    $log('event', class_basename($name), $events[0]->payload['channel'] ?? null, $events[0] instanceof ClientEvent ? $events[0]->data['n'] : null);
                }
            });

            Artisan::command('push', function (): void {
                Queue::pushOn('webhooks', HandleWebhookJob::class.'@handle', ['webhook_id' => 'a', 'app_key' => 'b', 'body' => '{}']);
            });
            PHP);
    }

    protected function tearDown(): void
    {
        foreach (array_filter($this->workers, fn (Process $worker) => $worker->running()) as $worker) {
            $worker->signal(SIGKILL);
        }

        $this->project->remove($this);
    }

    public function test_a_job_equals_one_that_laravel_pushes(): void
    {
        $server = new Node(folder: $this->project->folder);
        $server->connect('ann');
        $server->command('ann', 'subscribe', 'orders.1');
        Wait::until(fn () => $this->jobs() !== [], 'the job');
        [$code, $output] = $this->project->artisan('push');
        $this->assertSame(0, $code, $output);

        [$ours, $laravels] = $this->jobs();
        $this->assertSame(array_keys($laravels), array_keys($ours));
        $this->assertSame(array_keys($laravels['data']), array_keys($ours['data']));

        foreach (['uuid', 'id'] as $random) {
            $this->assertSame(preg_replace('/\w/', 'x', $laravels[$random]), preg_replace('/\w/', 'x', $ours[$random]));
        }

        $this->assertEqualsWithDelta($laravels['createdAt'], $ours['createdAt'], 30);
        $own = array_flip(['uuid', 'id', 'createdAt', 'data']);
        $this->assertSame(array_diff_key($laravels, $own), array_diff_key($ours, $own));
        $this->assertSame(['1', '1'], $this->redis->command('LRANGE', self::QUEUE.':notify', '0', '-1'));
        $this->assertSame('key-1', $ours['data']['app_key']);
        $this->assertSame([['name' => 'channel_occupied', 'channel' => 'orders.1']], json_decode($ours['data']['body'], true)['events']);
        $server->stop();
    }

    public function test_a_message_equals_one_that_laravel_sends_to_sqs(): void
    {
        $sqs = new Receiver;
        $this->config('queue', ['default' => 'sqs', 'connections' => ['sqs' => [
            'driver' => 'sqs', 'key' => 'AKID', 'secret' => 'secret', 'prefix' => $sqs->url('/1'), 'queue' => 'default', 'region' => 'eu-west-1',
        ]]]);
        $server = new Node(folder: $this->project->folder);
        $server->connect('ann');
        $server->command('ann', 'subscribe', 'orders.1');
        $request = Wait::until(fn () => $sqs->requests('/')[0] ?? null, 'the message');
        $server->stop();

        $message = json_decode($request['body'], true);
        $this->assertSame(['QueueUrl', 'MessageBody'], array_keys($message));
        $this->assertSame('AmazonSQS.SendMessage', $request['headers']['x-amz-target']);
        $this->assertSame($this->laravelsQueue($sqs->url('/1'))->getQueue('webhooks'), $message['QueueUrl']);

        $ours = json_decode($message['MessageBody'], true);
        $laravels = json_decode($this->laravelsQueue($sqs->url('/1'))->payload($ours['data']), true);
        $own = array_flip(['uuid', 'createdAt']);
        $this->assertSame(array_keys($laravels), array_keys($ours));
        $this->assertSame(array_diff_key($laravels, $own), array_diff_key($ours, $own));
    }

    public function test_a_worker_handles_what_a_server_pushes_under_load_in_order(): void
    {
        $worker = $this->worker();
        $server = new Node(folder: $this->project->folder);
        $server->command(null, 'traffic');
        Wait::pause(2.0);
        [$code, $output] = $this->project->artisan('resonate-webhooks:status');
        $this->assertSame(0, $code, $output);
        $this->assertStringContainsString('queue redis:webhooks', $output);

        $sent = json_decode($server->endBy(SIGTERM)[0], true);
        $this->assertGreaterThan(1000, array_sum($sent));
        Wait::until(fn () => count($this->events('ClientEvent')) >= array_sum($sent), 'all events', 60.0);

        foreach ($sent as $channel => $count) {
            $this->assertSame(range(0, $count - 1), array_column($this->events('ClientEvent', $channel), 3), $channel);
            $this->assertCount(1, $this->events('ChannelOccupied', $channel));
        }

        $this->assertNotEmpty($this->events('MemberAdded', 'presence-hall'));
        $this->assertSame($this->webhooks(), array_unique($this->webhooks()), 'each webhook is handled once');

        [$code, $output] = $this->project->artisan('resonate-webhooks:test', 'jobs');
        $this->assertSame(0, $code, $output);
        Wait::until(fn () => $this->events('CustomEvent', 'resonate-webhooks-test') !== [], 'the test');
        $this->end($worker, SIGTERM);
    }

    public function test_nothing_is_lost_when_the_worker_and_the_server_are_killed(): void
    {
        $this->project->write('storage/pause', '3000');
        $worker = $this->worker();
        $server = new Node(folder: $this->project->folder);
        $server->command(null, 'traffic');
        Wait::until(fn () => count($this->events('ClientEvent')) > 50, 'the first events');
        $this->end($worker, SIGKILL);
        $this->project->write('storage/pause', '0');
        $worker = $this->worker();
        Wait::pause(1.0);
        $server->kill();

        $next = new Node(folder: $this->project->folder);
        $vacated = fn () => array_diff(['presence-1', 'presence-2', 'presence-3', 'presence-4'], array_column($this->events('ChannelVacated'), 2)) === [];
        Wait::until($vacated, 'the departures of the clients', 60.0);
        Wait::until(fn () => $this->redis->command('ZCARD', self::QUEUE.':reserved') === ['0'] && $this->jobs() === [], 'an empty queue', 30.0);
        $next->stop();
        $this->end($worker, SIGTERM);

        foreach (range(1, 4) as $client) {
            $numbers = array_unique(array_column($this->events('ClientEvent', "presence-{$client}"), 3));
            sort($numbers);
            $this->assertSame(range(0, count($numbers) - 1), $numbers, 'no event is missing');
            $this->assertGreaterThan(100, count($numbers));
        }

        $this->assertNotSame($this->webhooks(), array_unique($this->webhooks()), 'a webhook is handled again');
        $bodies = array_unique(array_map(fn (array $line) => "{$line[1]} {$line[2]}", $this->handled('webhook')));
        $this->assertCount(count(array_unique($this->webhooks())), $bodies, 'an id has one body');
    }

    public function test_a_job_whose_listener_throws_is_retried_by_the_rules_of_the_worker(): void
    {
        $server = new Node(folder: $this->project->folder);
        $server->connect('ann');
        $server->command('ann', 'subscribe', 'orders.1');
        Wait::until(fn () => $this->jobs() !== [], 'the job');
        [$job] = $this->jobs();

        $this->project->write('storage/broken', '');
        $once = ['queue:work', '--queue=webhooks', '--once', '--tries=2'];
        [, $output] = $this->project->artisan(...$once);
        $this->assertStringContainsString('FAIL', $output);
        unlink("{$this->project->folder}/storage/broken");
        [, $output] = $this->project->artisan(...$once);
        $this->assertStringContainsString('DONE', $output);

        $id = $job['data']['webhook_id'];
        $this->assertSame([$id, $id], $this->webhooks());
        $this->assertCount(1, $this->events('ChannelOccupied', 'orders.1'));
        $server->stop();
        $this->assertSame(['0'], $this->redis->command('ZCARD', self::QUEUE.':reserved'));
    }

    /**
     * Get the queue of Laravel that sends messages to SQS, without its client, which is not installed.
     */
    private function laravelsQueue(string $prefix): SqsQueue
    {
        $queue = new class ($prefix) extends SqsQueue
        {
            public function __construct(string $prefix)
            {
                [$this->prefix, $this->suffix, $this->default] = [$prefix, '', 'default'];
            }

            /**
             * @param  array<string, mixed>  $data
             */
            public function payload(array $data): string
            {
                return $this->createPayload(HandleWebhookJob::class.'@handle', 'webhooks', $data);
            }
        };
        $queue->setContainer(app());
        $queue->setConnectionName('sqs');

        return $queue;
    }

    /**
     * Write a config file.
     *
     * @param  array<string, mixed>  $config
     */
    private function config(string $name, array $config): void
    {
        $this->project->write("config/{$name}.php", '<?php return '.var_export($config, true).';');
    }

    /**
     * Start a worker.
     */
    private function worker(): Process
    {
        return $this->workers[] = new Process([PHP_BINARY, "{$this->project->folder}/artisan", 'queue:work', '--queue=webhooks', '--tries=0', '--sleep=0.1', '--quiet'], 'a worker');
    }

    /**
     * End a worker.
     */
    private function end(Process $worker, int $signal): void
    {
        $worker->signal($signal);

        if ($signal !== SIGKILL) {
            // Wakes it.
            $this->redis->command('RPUSH', self::QUEUE.':notify', '1');
        }

        $worker->awaitEnd();
    }

    /**
     * Get the jobs on the queue.
     *
     * @return list<array<string, mixed>>
     */
    private function jobs(): array
    {
        return array_map(fn (string $job) => json_decode($job, true, flags: JSON_THROW_ON_ERROR), $this->redis->command('LRANGE', self::QUEUE, '0', '-1'));
    }

    /**
     * Get the lines of this kind that the listeners have written.
     *
     * @return list<list<mixed>>
     */
    private function handled(string $kind): array
    {
        // A line that is being written is left out.
        $lines = array_filter(array_map(fn (string $line) => json_decode($line, true), $this->project->lines('handled')));

        return array_values(array_filter($lines, fn (array $line) => $line[0] === $kind));
    }

    /**
     * Get the events of this class, and of this channel.
     *
     * @return list<list<mixed>>
     */
    private function events(string $class, ?string $channel = null): array
    {
        return array_values(array_filter($this->handled('event'), fn (array $line) => $line[1] === $class && ($channel === null || $line[2] === $channel)));
    }

    /**
     * Get the IDs of the webhooks.
     *
     * @return list<string>
     */
    private function webhooks(): array
    {
        return array_column($this->handled('webhook'), 1);
    }
}
