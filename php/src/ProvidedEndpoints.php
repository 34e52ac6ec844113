<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use Throwable;
use Webpatser\ResonateWebhooks\Contracts\EndpointProvider;
use Webpatser\ResonateWebhooks\Exceptions\InvalidConfig;
use Webpatser\ResonateWebhooks\Native\Engine;

/**
 * Asks the application's provider for its endpoints, at the start and now and again.
 */
final class ProvidedEndpoints
{
    /**
     * Reports what is wrong with the endpoints.
     */
    private readonly RefreshFailure $failure;

    /**
     * The provider, whose constructor may fail as well.
     */
    private ?EndpointProvider $provider = null;

    /**
     * Whether the provider is being asked: a tick may overlap itself.
     */
    private bool $asking = false;

    /**
     * Create a new instance.
     *
     * @param  array<string, mixed>  $config  What the engine gets beside the endpoints.
     */
    public function __construct(private readonly array $config)
    {
        $this->failure = new RefreshFailure('the endpoints');
    }

    /**
     * The config with the endpoints that the provider knows now.
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
                throw new InvalidConfig("resonate-webhooks.endpoints.{$key}: the provider gives two endpoints with this key");
            }

            $endpoints[$key] = $endpoint;
        }

        return ['endpoints' => $endpoints, 'endpoints_provided' => true] + $this->config;
    }

    /**
     * Have the engine go by what the provider knows now, or by what it knew before if that is no use.
     */
    public function refresh(Engine $engine): void
    {
        if ($this->asking) {
            return;
        }

        $this->asking = true;

        try {
            $engine->setEndpoints($this->config());

            $this->failure->clear();
        } catch (Throwable $e) {
            $this->failure->report($e);
        } finally {
            $this->asking = false;
        }
    }

    private function provider(): EndpointProvider
    {
        return $this->provider ??= app(EndpointProvider::class);
    }

    /**
     * Keep the config, secrets among it, out of dumps.
     *
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return ['provider' => $this->provider === null ? null : $this->provider::class];
    }
}
