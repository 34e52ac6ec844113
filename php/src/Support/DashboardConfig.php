<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Support;

/**
 * The `dashboard` block of the config. What it does not say, or leaves empty, has its default, also where an application
 * has a config file of its own with only some of the keys.
 */
final readonly class DashboardConfig
{
    /**
     * @param  array<array-key, mixed>  $config
     */
    public function __construct(private array $config)
    {
        //
    }

    /**
     * Whether there is a page.
     */
    public function enabled(): bool
    {
        $enabled = $this->config['enabled'] ?? true;

        return $enabled === '' || filter_var($enabled, FILTER_VALIDATE_BOOL);
    }

    /**
     * Its path, without a slash around it.
     */
    public function path(): string
    {
        return trim((string) ($this->config['path'] ?? ''), '/') ?: 'resonate-webhooks';
    }

    /**
     * The only host that has it, if not all have.
     */
    public function domain(): ?string
    {
        return ((string) ($this->config['domain'] ?? '')) ?: null;
    }

    /**
     * What requests pass through before the gate.
     *
     * @return list<string>
     */
    public function middleware(): array
    {
        return array_values((array) ($this->config['middleware'] ?? ['web']));
    }
}
