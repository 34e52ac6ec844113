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
 * Tests of the page through Laravel's own kernel, with real servers and a real Redis behind it.
 */
abstract class DashboardTestCase extends PluginTestCase
{
    use MakesHttpRequests;

    /**
     * Where the page is.
     */
    protected const string PAGE = '/resonate-webhooks';

    protected Application $app;

    /**
     * Who asks for the page; nobody in particular when null.
     */
    protected ?Authenticatable $user = null;

    /**
     * The application of the test before.
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

        // Plugins of other tests report once more when PHP ends, and Laravel leaves nothing of this application.
        Container::setInstance($this->before);
        Facade::setFacadeApplication($this->before);
    }

    /**
     * Boot an application with the page.
     *
     * @param  array<string, mixed>  $changes  To the config.
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
     * The dead letters of this test.
     */
    protected function letters(): DeadLetters
    {
        return new DeadLetters($this->config());
    }

    /**
     * Have a server give up the first event of each of some channels, one letter each; its endpoint answers from then on.
     *
     * @param  list<string>  $channels
     */
    protected function giveUp(array $channels, string $path = ''): Node
    {
        $node = $this->node(['max_attempts' => 1, 'endpoints' => [$this->endpoint('/flaky/'.count($channels).$path)]]);
        $letters = $this->letters();
        $node->connect('ann');

        foreach ($channels as $place => $channel) {
            $node->command('ann', 'subscribe', $channel);
            Wait::until(fn () => $letters->count() === $place + 1, 'the letter');
        }

        return $node;
    }

    /**
     * A config that leads to no Redis.
     *
     * @return array<string, mixed>
     */
    protected static function nowhere(): array
    {
        return ['connection' => ['host' => '127.0.0.1', 'port' => FreePort::find(), 'timeout' => 1]];
    }

    /**
     * The text of a page, without its tags and superfluous space.
     */
    protected function text(string $html): string
    {
        return trim((string) preg_replace('/\s+/', ' ', html_entity_decode(strip_tags($html))));
    }
}
