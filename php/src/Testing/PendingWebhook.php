<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Testing;

use Closure;
use DateTimeInterface;
use Illuminate\Contracts\Foundation\Application;
use Illuminate\Queue\Jobs\SyncJob;
use Illuminate\Support\Carbon;
use Illuminate\Support\Str;
use Illuminate\Testing\TestResponse;
use RuntimeException;
use SensitiveParameter;
use Webpatser\ResonateWebhooks\Receiving\ConfigSecrets;
use Webpatser\ResonateWebhooks\Receiving\Contracts\SecretProvider;
use Webpatser\ResonateWebhooks\Receiving\HandleWebhookJob;
use Webpatser\ResonateWebhooks\Receiving\Signature;

/**
 * Builds a webhook in a test.
 */
class PendingWebhook
{
    /**
     * The JSON flags, for the format of the engine.
     */
    protected const int JSON = JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_PRESERVE_ZERO_FRACTION | JSON_THROW_ON_ERROR;

    /**
     * The events.
     *
     * @var list<array<string, mixed>>
     */
    protected array $events = [];

    /**
     * The key of the application; by default the first one.
     */
    protected ?string $key = null;

    /**
     * The secret; by default the newest of the application.
     */
    protected ?string $secret = null;

    /**
     * The `webhook-id`, which stays the same in a resend.
     */
    protected string $id;

    /**
     * The time of sending; by default now.
     */
    protected ?DateTimeInterface $time = null;

    /**
     * True if the webhook has the headers of Standard Webhooks.
     */
    protected bool $standard = true;

    /**
     * Create a new pending webhook.
     *
     * @param  Closure(string, string, array<mixed>, array<mixed>, array<mixed>, array<string, string>, string): TestResponse  $call  The test's own `call()`.
     */
    public function __construct(protected Application $app, protected Closure $call)
    {
        $this->id = 'msg_'.Str::random(20);
    }

    /**
     * Add an event.
     *
     * @param  string  $name  The name in the webhook: `channel_occupied`.
     * @param  array<string, mixed>  $attributes  The other fields.
     * @return $this
     */
    public function with(string $name, array $attributes = []): static
    {
        $this->events[] = ['name' => $name, ...$attributes];

        return $this;
    }

    /**
     * Add a `channel_occupied` event.
     *
     * @return $this
     */
    public function channelOccupied(string $channel): static
    {
        return $this->with('channel_occupied', compact('channel'));
    }

    /**
     * Add a `channel_vacated` event.
     *
     * @return $this
     */
    public function channelVacated(string $channel): static
    {
        return $this->with('channel_vacated', compact('channel'));
    }

    /**
     * Add a `member_added` event.
     *
     * @return $this
     */
    public function memberAdded(string $channel, string|int $userId): static
    {
        return $this->with('member_added', ['channel' => $channel, 'user_id' => (string) $userId]);
    }

    /**
     * Add a `member_removed` event.
     *
     * @return $this
     */
    public function memberRemoved(string $channel, string|int $userId): static
    {
        return $this->with('member_removed', ['channel' => $channel, 'user_id' => (string) $userId]);
    }

    /**
     * Add a `client_event`.
     *
     * @param  array<mixed>|null  $data  The data of the client.
     * @param  string|int|null  $userId  The user ID of the sender, on a presence channel.
     * @return $this
     */
    public function clientEvent(string $channel, string $event, ?array $data = null, string $socketId = '1.1', string|int|null $userId = null): static
    {
        return $this->with('client_event', [
            'channel' => $channel,
            'event' => $event,
            ...($data === null ? [] : ['data' => json_encode($data, static::JSON)]),
            'socket_id' => $socketId,
            ...($userId === null ? [] : ['user_id' => (string) $userId]),
        ]);
    }

    /**
     * Set the application that sends the webhook.
     *
     * @param  string|null  $secret  By default the secret of the application.
     * @return $this
     */
    public function from(string $key, #[SensitiveParameter] ?string $secret = null): static
    {
        [$this->key, $this->secret] = [$key, $secret];

        return $this;
    }

    /**
     * Set the `webhook-id`.
     *
     * @return $this
     */
    public function withId(string $id): static
    {
        $this->id = $id;

        return $this;
    }

    /**
     * Set the time of sending.
     *
     * @return $this
     */
    public function at(DateTimeInterface $time): static
    {
        $this->time = $time;

        return $this;
    }

    /**
     * Omit the headers of Standard Webhooks, as Pusher does.
     *
     * @return $this
     */
    public function withPusherHeadersOnly(): static
    {
        $this->standard = false;

        return $this;
    }

    /**
     * Send the webhook. It may be sent several times.
     *
     * @param  string|null  $uri  By default the route named `resonate-webhooks`.
     */
    public function post(?string $uri = null): TestResponse
    {
        $time = Carbon::instance($this->time ?? Carbon::now());
        $body = $this->body($time);

        return ($this->call)(
            'POST',
            $uri ?? $this->app['url']->route('resonate-webhooks'),
            [],
            [],
            [],
            ['CONTENT_TYPE' => 'application/json', ...$this->signatures($body, (string) $time->getTimestamp())],
            $body,
        );
    }

    /**
     * Handle the webhook as a job, as a worker does for an endpoint with a `queue`. It may be handled several times.
     *
     * @return bool True if the job was done, false if it was released.
     */
    public function work(): bool
    {
        $data = [
            'webhook_id' => $this->id,
            'app_key' => $this->key ?? $this->firstKey(),
            'body' => $this->body(Carbon::instance($this->time ?? Carbon::now())),
        ];
        $payload = json_encode(['job' => HandleWebhookJob::class.'@handle', 'data' => $data], static::JSON);
        $job = new SyncJob($this->app, $payload, 'sync', 'sync');

        $job->fire();

        return $job->isDeleted();
    }

    /**
     * Get the body.
     */
    protected function body(Carbon $time): string
    {
        return json_encode(['time_ms' => $time->getTimestampMs(), 'events' => $this->events], static::JSON);
    }

    /**
     * Get the signature headers, in PHP's format.
     *
     * @return array<string, string>
     */
    protected function signatures(string $body, string $timestamp): array
    {
        $key = $this->key ?? $this->firstKey();
        $secret = $this->secret ?? $this->app->make(SecretProvider::class)->secretsFor($key)[0]
            ?? throw new RuntimeException("No secret found for application key [{$key}].");

        return [
            'HTTP_X_PUSHER_KEY' => $key,
            'HTTP_X_PUSHER_SIGNATURE' => Signature::pusher($body, $secret),
            ...($this->standard ? [
                'HTTP_WEBHOOK_ID' => $this->id,
                'HTTP_WEBHOOK_TIMESTAMP' => $timestamp,
                'HTTP_WEBHOOK_SIGNATURE' => Signature::standardWebhooks($this->id, $timestamp, $body, $secret),
            ] : []),
        ];
    }

    /**
     * Get the key of the first application in the config.
     */
    protected function firstKey(): string
    {
        $key = array_key_first($this->app->make(ConfigSecrets::class)->all());

        return (string) ($key ?? throw new RuntimeException('No application has a secret. Set one with from().'));
    }
}
