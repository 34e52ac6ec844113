<?php

declare(strict_types=1);

namespace Demo;

/**
 * An application of the demo, as its clients and its backend know it.
 */
final readonly class App
{
    public string $key;

    public string $secret;

    public function __construct(public string $id)
    {
        $this->key = "{$id}-key";
        $this->secret = "{$id}-secret";
    }

    /**
     * The entry in `reverb.apps.apps`.
     *
     * @return array<string, mixed>
     */
    public function reverbConfig(): array
    {
        return [
            'app_id' => $this->id,
            'key' => $this->key,
            'secret' => $this->secret,
            'options' => [],
            'allowed_origins' => ['*'],
            'ping_interval' => 60,
            'activity_timeout' => 30,
            'max_message_size' => 10_000,
            'accept_client_events_from' => 'members',
        ];
    }
}
