<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Support;

/**
 * Reads the `dashboard` config. Missing or empty keys have defaults, since a published config may lack newer keys.
 */
final readonly class DashboardConfig
{
    /**
     * Create a new instance.
     *
     * @param  array<array-key, mixed>  $config
     */
    public function __construct(private array $config)
    {
        //
    }

    /**
     * Determine if the dashboard is enabled.
     */
    public function enabled(): bool
    {
        $enabled = $this->config['enabled'] ?? true;

        return $enabled === '' || filter_var($enabled, FILTER_VALIDATE_BOOL);
    }

    /**
     * Get the path, without slashes around it.
     */
    public function path(): string
    {
        return trim((string) ($this->config['path'] ?? ''), '/') ?: 'resonate-webhooks';
    }

    /**
     * Get the domain; null for every domain.
     */
    public function domain(): ?string
    {
        return ((string) ($this->config['domain'] ?? '')) ?: null;
    }

    /**
     * Get the middleware that runs before the authorization.
     *
     * @return list<string>
     */
    public function middleware(): array
    {
        return array_values((array) ($this->config['middleware'] ?? ['web']));
    }
}
