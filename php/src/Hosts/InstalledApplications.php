<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Hosts;

use Illuminate\Contracts\Container\Container;
use Illuminate\Support\Collection;

/**
 * The applications of the host that is installed, from any process.
 */
final readonly class InstalledApplications
{
    /**
     * The providers of applications, each with `all()` and `findById()`.
     */
    private const array PROVIDERS = [
        'Webpatser\Resonate\Contracts\ApplicationProvider',
        'Laravel\Reverb\Contracts\ApplicationProvider',
    ];

    /**
     * Create a new instance.
     */
    public function __construct(private Container $container)
    {
        //
    }

    /**
     * Determine if a host is installed.
     */
    public function areKnown(): bool
    {
        return $this->provider() !== null;
    }

    /**
     * Get all applications. Throws what the provider throws.
     *
     * @return Collection<int, Application>
     */
    public function all(): Collection
    {
        return collect($this->container->make($this->provider())->all())->map(Application::of(...))->values();
    }

    /**
     * Get one application. Throws when there is none.
     */
    public function find(string $id): Application
    {
        return Application::of($this->container->make($this->provider())->findById($id));
    }

    private function provider(): ?string
    {
        return array_find(self::PROVIDERS, $this->container->bound(...));
    }
}
