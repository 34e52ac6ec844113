<?php

declare(strict_types=1);

namespace Tests\Receiving;

use Illuminate\Container\Container;
use Illuminate\Foundation\Application;
use Illuminate\Foundation\Testing\TestCase;
use Illuminate\Support\Facades\Event;
use Illuminate\Support\Facades\Facade;
use Illuminate\Support\Facades\Route;
use Illuminate\Testing\TestResponse;
use Tests\Support\TestApplication;
use Webpatser\ResonateWebhooks\Receiving\Contracts\WebhookEvent;
use Webpatser\ResonateWebhooks\Receiving\Events\WebhookReceived;
use Webpatser\ResonateWebhooks\Receiving\Events\WebhookRejected;
use Webpatser\ResonateWebhooks\Receiving\Rejection;
use Webpatser\ResonateWebhooks\Receiving\Signature;
use Webpatser\ResonateWebhooks\Testing\InteractsWithWebhooks;

/**
 * Tests an application that receives webhooks on `/webhooks`, through Laravel's kernel, router and events.
 */
abstract class ReceivingTestCase extends TestCase
{
    use InteractsWithWebhooks;

    protected TestApplication $application;

    /**
     * The application of the previous test.
     */
    private Container $before;

    /**
     * The dispatched events of this package.
     *
     * @var list<WebhookEvent|WebhookReceived>
     */
    protected array $received = [];

    /**
     * The reasons of rejected requests.
     *
     * @var list<Rejection>
     */
    protected array $rejected = [];

    protected function setUp(): void
    {
        $this->before = Container::getInstance();

        parent::setUp();

        Route::resonateWebhooks('/webhooks');

        Event::listen('Webpatser\ResonateWebhooks\Receiving\Events\*', function (string $name, array $events): void {
            match (true) {
                $events[0] instanceof WebhookRejected => $this->rejected[] = $events[0]->reason,
                default => $this->received[] = $events[0],
            };
        });
    }

    protected function tearDown(): void
    {
        parent::tearDown();

        $this->application->remove();

        // The plugins of other tests report again at the end of PHP, and Laravel removes this application.
        Container::setInstance($this->before);
        Facade::setFacadeApplication($this->before);
    }

    public function createApplication(): Application
    {
        $this->application = new TestApplication;

        return $this->application->laravel;
    }

    /**
     * Set a key of the receiving config.
     */
    protected function configure(string $key, mixed $value): void
    {
        config(["resonate-webhooks-receiving.{$key}" => $value]);
    }

    /**
     * Post a body with headers.
     *
     * @param  array<string, string|list<string>>  $headers
     */
    protected function postBody(string $body, array $headers): TestResponse
    {
        return $this->call('POST', '/webhooks', server: $this->transformHeadersToServerVars($headers), content: $body);
    }

    /**
     * Post a body as Pusher does, from an application in `pusher_only`; by default application 1.
     */
    protected function postSigned(string $body, string $secret = 'secret-1', string $key = 'key-1'): TestResponse
    {
        $this->configure('pusher_only', $key);

        return $this->postBody($body, ['X-Pusher-Key' => $key, 'X-Pusher-Signature' => Signature::pusher($body, $secret)]);
    }

    /**
     * Get the received events, without WebhookReceived.
     *
     * @return list<WebhookEvent>
     */
    protected function events(): array
    {
        return array_values(array_filter($this->received, fn (object $event) => $event instanceof WebhookEvent));
    }

    /**
     * Assert that a request got an empty 401 and was not handled.
     */
    protected function assertRefused(Rejection $reason, TestResponse $response): void
    {
        $response->assertUnauthorized();

        $this->assertSame('', $response->getContent());
        $this->assertSame([$reason], $this->rejected);
        $this->assertSame([], $this->received);

        $this->rejected = [];
    }
}
