<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\TestCase;
use Tests\Support\Node;
use Tests\Support\Project;
use Tests\Support\RedisServer;
use Tests\Support\Wait;
use Webpatser\Resonate\ResonateServiceProvider;

/**
 * Follows docs/quick-start.md in a fresh Laravel project.
 */
final class NewcomerTest extends TestCase
{
    private Project $project;

    protected function setUp(): void
    {
        $this->project = new Project([ResonateServiceProvider::class]);
    }

    protected function tearDown(): void
    {
        $this->project->remove($this);
    }

    public function test_from_a_new_project_to_a_retried_dead_letter(): void
    {
        $project = $this->project;
        $redis = new RedisServer;

        // Install.
        $project->composer('config', 'repositories.resonate-webhooks', 'path', dirname(__DIR__, 2));
        $project->composer('require', 'resonate-native/webhooks:@dev', 'webpatser/resonate', 'webpatser/resonate-roster');
        $project->write('.env', <<<ENV
            REDIS_HOST=127.0.0.1
            REDIS_PORT={$redis->port}
            RESONATE_WEBHOOKS_FLUSH=0.1
            RESONATE_WEBHOOKS_MAX_ATTEMPTS=1
            ENV);
        [$code, $output] = $project->artisan('resonate-webhooks:install', '--url='.$project->url('/webhooks/resonate'));
        $this->assertSame(0, $code, $output);

        // Receive in the same application.
        $project->write('routes/web.php', <<<'PHP'
            <?php

            use Illuminate\Support\Facades\Event;
            use Illuminate\Support\Facades\Route;
            use Webpatser\ResonateWebhooks\Receiving\Events\ChannelOccupied;

            Route::resonateWebhooks('/webhooks/resonate');

            Event::listen(function (ChannelOccupied $event): void {
                if ($event->channel === 'orders.2' && ! file_exists(storage_path('mended'))) {
                    throw new RuntimeException('a bug in a listener');
                }

                file_put_contents(storage_path('occupied'), "{$event->channel}\n", FILE_APPEND);
            });
            PHP);
        $project->serve();

        [$code, $output] = $project->artisan('resonate-webhooks:check');
        $this->assertSame(0, $code, $output);
        $this->assertStringContainsString('Endpoints OK', $output);

        // Start and subscribe.
        $server = new Node(folder: $project->folder);
        $server->connect('ann');
        $server->command('ann', 'subscribe', 'orders.1');
        Wait::until(fn () => $project->lines('occupied') === ['orders.1'], 'the first webhook');

        [$code, $output] = $project->artisan('resonate-webhooks:status');
        $this->assertSame(0, $code, $output);

        // A webhook that the application rejects becomes a dead letter, and is sent again.
        $server->command('ann', 'subscribe', 'orders.2');
        $failed = fn (): string => $project->artisan('resonate-webhooks:failed')[1];
        Wait::until(fn () => str_contains($failed(), 'HTTP 500'), 'the dead letter');

        $project->write('storage/mended', '');
        [$code, $output] = $project->artisan('resonate-webhooks:retry', 'all');
        $this->assertSame(0, $code, $output);
        Wait::until(fn () => $project->lines('occupied') === ['orders.1', 'orders.2'], 'the webhook that was sent again');
        Wait::until(fn () => str_contains($failed(), 'No dead letters'), 'no dead letter to be left');

        $server->stop();
    }
}
