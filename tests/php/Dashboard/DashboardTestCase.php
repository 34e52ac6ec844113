<?php

declare(strict_types=1);

namespace Tests\Dashboard;

use Illuminate\Container\Container;
use Illuminate\Contracts\Auth\Authenticatable;
use Illuminate\Foundation\Application;
use Illuminate\Foundation\Testing\Concerns\MakesHttpRequests;
use Illuminate\Support\Facades\Facade;
use Tests\PluginTestCase;
use Tests\Support\FreePort;
use Tests\Support\Node;
use Tests\Support\TestApplication;
use Tests\Support\Wait;
use Tests\Support\WebSite;
use Webpatser\ResonateWebhooks\Native\DeadLetters;

/**
 * Tests the dashboard through Laravel's HTTP kernel, with real servers and a real Redis.
 */
abstract class DashboardTestCase extends PluginTestCase
{
    use MakesHttpRequests;

    /**
     * The path of the dashboard.
     */
    protected const string PAGE = '/resonate-webhooks';

    protected Application $app;

    /**
     * The authenticated user; null for a guest.
     */
    protected ?Authenticatable $user = null;

    /**
     * The container of the previous test.
     */
    private Container $before;

    protected function setUp(): void
    {
        parent::setUp();

        $this->before = Container::getInstance();
    }

    protected function tearDown(): void
    {
        parent::tearDown();

        // Plugins of other tests report again when PHP ends, into this container.
        Container::setInstance($this->before);
        Facade::setFacadeApplication($this->before);
    }

    /**
     * Boot an application with the dashboard.
     *
     * @param  array<string, mixed>  $changes  Changes of the config.
     */
    protected function open(array $changes = [], string $environment = 'local'): void
    {
        $this->application?->remove($this);
        $this->application = new TestApplication($this->config($changes));
        $this->app = $this->application->laravel;
        $this->app['env'] = $environment;

        WebSite::open($this->app, fn () => $this->user);
    }

    /**
     * Get the dead letters of this test.
     */
    protected function deadLetters(): DeadLetters
    {
        return new DeadLetters($this->config());
    }

    /**
     * Start a server that makes a dead letter of the first event of each channel. Its endpoint answers 2xx afterwards.
     *
     * @param  list<string>  $channels
     */
    protected function giveUp(array $channels, string $path = ''): Node
    {
        $node = $this->node(['max_attempts' => 1, 'endpoints' => [$this->endpoint('/flaky/'.count($channels).$path)]]);
        $deadLetters = $this->deadLetters();
        $node->connect('ann');

        foreach ($channels as $place => $channel) {
            $node->command('ann', 'subscribe', $channel);
            Wait::until(fn () => $deadLetters->count() === $place + 1, 'the dead letter');
        }

        return $node;
    }

    /**
     * Get a config whose Redis does not exist.
     *
     * @return array<string, mixed>
     */
    protected static function nowhere(): array
    {
        return ['connection' => ['host' => '127.0.0.1', 'port' => FreePort::find(), 'timeout' => 1]];
    }

    /**
     * Get the text of a page, without tags and repeated white space.
     */
    protected function text(string $html): string
    {
        return trim((string) preg_replace('/\s+/', ' ', html_entity_decode(strip_tags($html))));
    }
}
