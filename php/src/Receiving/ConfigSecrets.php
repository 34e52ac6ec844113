<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving;

use Illuminate\Contracts\Config\Repository;
use Illuminate\Support\Arr;
use Illuminate\Support\Carbon;
use Webpatser\ResonateWebhooks\Receiving\Contracts\SecretProvider;

/**
 * Finds secrets in the `resonate-webhooks-receiving` config, or else those of the applications in `config/reverb.php`.
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
     * The secrets of the application with this key, the newest first.
     *
     * @return list<string>
     */
    public function secretsFor(string $key): array
    {
        return $this->all()[$key] ?? [];
    }

    /**
     * The secrets of every application by its key.
     *
     * @return array<array-key, list<string>>
     */
    public function all(): array
    {
        $secrets = $this->config->get('resonate-webhooks-receiving.secrets') ?: $this->ofTheServer();

        return array_filter(array_map($this->usable(...), $secrets));
    }

    /**
     * The secrets of the applications that the server in this project has, with those that they had before.
     *
     * @return array<array-key, mixed>
     */
    protected function ofTheServer(): array
    {
        $apps = (array) $this->config->get('reverb.apps.apps', []);
        $previous = (array) $this->config->get('resonate-webhooks.previous_secrets', []);
        $ids = array_column($apps, 'app_id', 'key');

        return Arr::map(array_column($apps, 'secret', 'key'), fn (mixed $secret, int|string $key) => [
            $secret, ...array_map($this->unlessOver(...), array_values(Arr::wrap($previous[$ids[$key] ?? ''] ?? []))),
        ]);
    }

    /**
     * A previous secret, unless its end has come.
     */
    protected function unlessOver(mixed $previous): mixed
    {
        if (! is_array($previous)) {
            return $previous;
        }

        $until = $previous['until'] ?? null;
        $end = is_numeric($until) ? Carbon::createFromTimestamp((int) $until) : Carbon::parse($until ?? 'tomorrow');

        return $end->isFuture() ? $previous['secret'] ?? null : null;
    }

    /**
     * Leave out what is not set: anybody can sign with an empty secret.
     *
     * @return list<string>
     */
    protected function usable(mixed $secrets): array
    {
        return array_values(array_filter(Arr::wrap($secrets), fn (mixed $secret) => is_string($secret) && $secret !== ''));
    }
}
