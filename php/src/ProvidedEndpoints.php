<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use Throwable;
use Webpatser\ResonateWebhooks\Contracts\EndpointProvider;
use Webpatser\ResonateWebhooks\Exceptions\InvalidConfig;
use Webpatser\ResonateWebhooks\Native\Engine;

/**
 * Loads the endpoints of the application's provider, at the start and at intervals.
 */
final class ProvidedEndpoints
{
    /**
     * Reports failures of the provider.
     */
    private readonly RefreshFailure $failure;

    /**
     * The provider. It is created when it is needed, since its constructor may fail.
     */
    private ?EndpointProvider $provider = null;

    /**
     * True while the provider is running, since ticks may overlap.
     */
    private bool $refreshing = false;

    /**
     * Create a new instance.
     *
     * @param  array<string, mixed>  $config  The engine's config without the endpoints.
     */
    public function __construct(private readonly array $config)
    {
        $this->failure = new RefreshFailure('the endpoints');
    }

    /**
     * Get the config with the current endpoints of the provider.
     *
     * @return array<string, mixed>
     *
     * @throws InvalidConfig
     */
    public function config(): array
    {
        $endpoints = [];

        foreach ($this->provider()->endpoints() as $key => $endpoint) {
            if (array_key_exists($key, $endpoints)) {
                throw new InvalidConfig("resonate-webhooks.endpoints.{$key}: the provider returns two endpoints with this key");
            }

            $endpoints[$key] = $endpoint;
        }

        return ['endpoints' => $endpoints, 'endpoints_provided' => true] + $this->config;
    }

    /**
     * Pass the current endpoints to the engine. If they are invalid, it keeps the previous ones.
     */
    public function refresh(Engine $engine): void
    {
        if ($this->refreshing) {
            return;
        }

        $this->refreshing = true;

        try {
            $engine->setEndpoints($this->config());

            $this->failure->clear();
        } catch (Throwable $e) {
            $this->failure->report($e);
        } finally {
            $this->refreshing = false;
        }
    }

    private function provider(): EndpointProvider
    {
        return $this->provider ??= app(EndpointProvider::class);
    }

    /**
     * Hide the config in dumps, since it has secrets.
     *
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return ['provider' => $this->provider === null ? null : $this->provider::class];
    }
}
