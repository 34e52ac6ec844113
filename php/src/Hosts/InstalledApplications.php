<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Hosts;

use Illuminate\Contracts\Container\Container;
use Illuminate\Support\Collection;
use Throwable;
use Webpatser\ResonateWebhooks\Exceptions\UnknownApplication;

/**
 * Reads the applications of the installed host, in any process.
 */
final readonly class InstalledApplications
{
    /**
     * The application providers of the hosts, with `all()` and `findById()`.
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
     * Get all applications. Exceptions of the provider are not caught.
     *
     * @return Collection<int, Application>
     */
    public function all(): Collection
    {
        return collect($this->container->make($this->provider())->all())->map(Application::of(...))->values();
    }

    /**
     * Get an application by its ID. Throws if it does not exist.
     */
    public function find(string $id): Application
    {
        return Application::of($this->container->make($this->provider())->findById($id));
    }

    /**
     * Ensure that an application exists. This can only be checked if a host is installed.
     *
     * @throws UnknownApplication
     */
    public function ensureExists(string $id): void
    {
        if (! $this->areKnown()) {
            return;
        }

        try {
            $this->find($id);
        } catch (Throwable $e) {
            throw UnknownApplication::withId($id, $e);
        }
    }

    private function provider(): ?string
    {
        return array_find(self::PROVIDERS, $this->container->bound(...));
    }
}
