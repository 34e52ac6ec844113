<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving;

use Illuminate\Contracts\Config\Repository;
use Illuminate\Support\Arr;
use Illuminate\Support\Carbon;
use Webpatser\ResonateWebhooks\Exceptions\InvalidConfig;
use Webpatser\ResonateWebhooks\Receiving\Contracts\SecretProvider;

/**
 * Reads secrets from the `resonate-webhooks-receiving` config. Without any, it uses those in `config/reverb.php`.
 */
class ConfigSecrets implements SecretProvider
{
    /**
     * Create a new secret provider.
     */
    public function __construct(protected Repository $config)
    {
        //
    }

    /**
     * Get the secrets of the application with a key, the newest first.
     *
     * @return list<string>
     *
     * @throws InvalidConfig
     */
    public function secretsFor(string $key): array
    {
        return $this->all()[$key] ?? [];
    }

    /**
     * Get the secrets of all applications, by key.
     *
     * @return array<array-key, list<string>>
     *
     * @throws InvalidConfig
     */
    public function all(): array
    {
        $secrets = Arr::except($this->configured(), ['']) ?: Arr::except($this->serverSecrets(), ['']);

        return array_filter(array_map($this->usable(...), $secrets));
    }

    /**
     * Get the secrets in the receiving config, by application key.
     *
     * @return array<array-key, mixed>
     *
     * @throws InvalidConfig
     */
    protected function configured(): array
    {
        $value = $this->config->get('resonate-webhooks-receiving.secrets') ?: [];

        // The message does not contain the value, since it is a secret.
        if (! is_array($value) || ($value !== [] && array_is_list($value))) {
            throw new InvalidConfig("resonate-webhooks-receiving.secrets: must have application keys as its keys; write ['app-key' => 'secret']");
        }

        return $value;
    }

    /**
     * Get the secrets of the applications in `config/reverb.php`, with their previous ones.
     *
     * @return array<array-key, list<mixed>>
     */
    protected function serverSecrets(): array
    {
        $apps = array_filter((array) $this->config->get('reverb.apps.apps', []), fn (array $app) => isset($app['key']));
        $previous = (array) $this->config->get('resonate-webhooks.previous_secrets', []);
        $ids = array_column($apps, 'app_id', 'key');

        return Arr::map(array_column($apps, 'secret', 'key'), fn (mixed $secret, int|string $key) => [
            $secret, ...$this->entries($previous[$ids[$key] ?? ''] ?? []),
        ]);
    }

    /**
     * Wrap a single entry in a list.
     *
     * @return list<mixed>
     */
    protected function entries(mixed $value): array
    {
        return is_array($value) && ! array_key_exists('secret', $value) ? array_values($value) : [$value];
    }

    /**
     * Get the secrets that may be used. An empty secret is excluded, since anyone can sign with it.
     *
     * @return list<string>
     */
    protected function usable(mixed $value): array
    {
        $secrets = array_map($this->secretOf(...), $this->entries($value));

        return array_map(strval(...), array_values(array_filter($secrets, fn (mixed $secret) => is_int($secret) || (is_string($secret) && $secret !== ''))));
    }

    /**
     * Get the secret of an entry, unless it has expired.
     *
     * @throws InvalidConfig
     */
    protected function secretOf(mixed $entry): mixed
    {
        if (! is_array($entry)) {
            return $entry;
        }

        $until = $entry['until'] ?? null;
        $end = match (true) {
            $until === null => PHP_INT_MAX,
            is_numeric($until) => (int) $until,
            default => strtotime((string) $until),
        };

        if ($end === false) {
            throw new InvalidConfig("resonate-webhooks-receiving.secrets: the end of a secret, \"{$until}\", is not a time; write Unix seconds, or a time such as 2026-12-31T23:59:59+00:00");
        }

        return $end > Carbon::now()->getTimestamp() ? $entry['secret'] ?? null : null;
    }
}
