<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Testing;

use Closure;
use DateTimeInterface;
use Illuminate\Contracts\Foundation\Application;
use Illuminate\Support\Carbon;
use Illuminate\Support\Str;
use Illuminate\Testing\TestResponse;
use RuntimeException;
use SensitiveParameter;
use Webpatser\ResonateWebhooks\Receiving\ConfigSecrets;
use Webpatser\ResonateWebhooks\Receiving\Contracts\SecretProvider;
use Webpatser\ResonateWebhooks\Receiving\Signature;

/**
 * A webhook that a test is about to send.
 */
class PendingWebhook
{
    /**
     * How a webhook is written: as the engine writes it.
     */
    protected const int JSON = JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_PRESERVE_ZERO_FRACTION | JSON_THROW_ON_ERROR;

    /**
     * The events so far.
     *
     * @var list<array<string, mixed>>
     */
    protected array $events = [];

    /**
     * The key of the application that sends it, by default the first there is.
     */
    protected ?string $key = null;

    /**
     * The secret that signs it, by default the newest of the application.
     */
    protected ?string $secret = null;

    /**
     * Its `webhook-id`: the same again when it is sent again.
     */
    protected string $id;

    /**
     * When it is sent, by default now.
     */
    protected ?DateTimeInterface $time = null;

    /**
     * Whether it has the headers of Standard Webhooks.
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
     * @param  string  $name  The name on the wire: `channel_occupied`.
     * @param  array<string, mixed>  $attributes  What it says beside that.
     * @return $this
     */
    public function with(string $name, array $attributes = []): static
    {
        $this->events[] = ['name' => $name, ...$attributes];

        return $this;
    }

    /**
     * Add that a channel is occupied.
     *
     * @return $this
     */
    public function channelOccupied(string $channel): static
    {
        return $this->with('channel_occupied', compact('channel'));
    }

    /**
     * Add that a channel is vacated.
     *
     * @return $this
     */
    public function channelVacated(string $channel): static
    {
        return $this->with('channel_vacated', compact('channel'));
    }

    /**
     * Add that a user has come to a presence channel.
     *
     * @return $this
     */
    public function memberAdded(string $channel, string|int $userId): static
    {
        return $this->with('member_added', ['channel' => $channel, 'user_id' => (string) $userId]);
    }

    /**
     * Add that a user has left a presence channel.
     *
     * @return $this
     */
    public function memberRemoved(string $channel, string|int $userId): static
    {
        return $this->with('member_removed', ['channel' => $channel, 'user_id' => (string) $userId]);
    }

    /**
     * Add an event that a client has sent.
     *
     * @param  array<mixed>|null  $data  What the client sent along.
     * @param  string|int|null  $userId  Who that was, on a presence channel.
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
     * Let another application send it.
     *
     * @param  string|null  $secret  By default its own.
     * @return $this
     */
    public function from(string $key, #[SensitiveParameter] ?string $secret = null): static
    {
        [$this->key, $this->secret] = [$key, $secret];

        return $this;
    }

    /**
     * Give it another `webhook-id`.
     *
     * @return $this
     */
    public function withId(string $id): static
    {
        $this->id = $id;

        return $this;
    }

    /**
     * Send it at another time.
     *
     * @return $this
     */
    public function at(DateTimeInterface $time): static
    {
        $this->time = $time;

        return $this;
    }

    /**
     * Leave out the headers of Standard Webhooks, as Pusher itself does.
     *
     * @return $this
     */
    public function withPusherHeadersOnly(): static
    {
        $this->standard = false;

        return $this;
    }

    /**
     * Send it; as often as you like.
     *
     * @param  string|null  $uri  By default the route named `resonate-webhooks`.
     */
    public function post(?string $uri = null): TestResponse
    {
        $time = Carbon::instance($this->time ?? Carbon::now());
        $body = json_encode(['time_ms' => $time->getTimestampMs(), 'events' => $this->events], static::JSON);

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
     * The headers that tell who sent it, as PHP has them.
     *
     * @return array<string, string>
     */
    protected function signatures(string $body, string $timestamp): array
    {
        $key = $this->key ?? $this->anyKey();
        $secret = $this->secret ?? $this->app->make(SecretProvider::class)->secretsFor($key)[0]
            ?? throw new RuntimeException("There is no secret for an application with the key [{$key}].");

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
     * The key of the first application in the config.
     */
    protected function anyKey(): string
    {
        $key = array_key_first($this->app->make(ConfigSecrets::class)->all());

        return (string) ($key ?? throw new RuntimeException('No application has a secret: name one with from().'));
    }
}
