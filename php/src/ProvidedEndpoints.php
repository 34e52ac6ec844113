<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use Illuminate\Support\Facades\Log;
use Throwable;
use Webpatser\ResonateWebhooks\Contracts\EndpointProvider;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;
use Webpatser\ResonateWebhooks\Native\Engine;

/**
 * Asks the application's provider for its endpoints, at the start and now and again.
 */
final class ProvidedEndpoints
{
    /**
     * What was wrong the last time, so that it is said once.
     */
    private ?string $problem = null;

    /**
     * Whether the provider is being asked: a tick may overlap itself.
     */
    private bool $asking = false;

    /**
     * Create a new instance.
     *
     * @param  array<string, mixed>  $config  What the engine gets beside the endpoints.
     */
    public function __construct(private readonly EndpointProvider $provider, private readonly array $config) {}

    /**
     * The config with the endpoints that the provider knows now.
     *
     * @return array<string, mixed>
     */
    public function config(): array
    {
        return ['endpoints' => iterator_to_array($this->provider->endpoints())] + $this->config;
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

            $this->problem = null;
        } catch (Throwable $e) {
            $this->complain($e);
        } finally {
            $this->asking = false;
        }
    }

    /**
     * Say what is wrong, unless that was said the last time.
     */
    private function complain(Throwable $e): void
    {
        if ($this->problem !== $this->problem = $e->getMessage()) {
            Log::error(
                'Resonate webhooks: the endpoints stay as they are: '.$e->getMessage(),
                $e instanceof WebhooksException ? [] : ['exception' => $e],
            );
        }
    }
}
