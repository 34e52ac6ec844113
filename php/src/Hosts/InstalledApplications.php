<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Hosts;

use Illuminate\Contracts\Container\Container;
use Illuminate\Support\Collection;
use Throwable;
use Webpatser\ResonateWebhooks\Exceptions\ApplicationProviderFailed;
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
     * The exceptions of the hosts' providers for an unknown application.
     */
    private const array UNKNOWN = [
        'Webpatser\Resonate\Exceptions\InvalidApplication',
        'Laravel\Reverb\Exceptions\InvalidApplication',
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
     * @throws ApplicationProviderFailed
     */
    public function ensureExists(string $id): void
    {
        if (! $this->areKnown()) {
            return;
        }

        try {
            $this->find($id);
        } catch (Throwable $e) {
            throw self::failure($id, $e);
        }
    }

    /**
     * Get the exception for one that a host's provider threw when it was asked for an application.
     */
    public static function failure(string $id, Throwable $e): UnknownApplication|ApplicationProviderFailed
    {
        return array_any(self::UNKNOWN, fn (string $class) => $e instanceof $class)
            ? UnknownApplication::withId($id, $e)
            : ApplicationProviderFailed::because($e);
    }

    private function provider(): ?string
    {
        return array_find(self::PROVIDERS, $this->container->bound(...));
    }
}
