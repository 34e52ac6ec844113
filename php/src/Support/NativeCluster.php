<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Support;

use Illuminate\Contracts\Container\Container;
use SensitiveParameter;
use Throwable;
use Webpatser\ResonateWebhooks\Contracts\Cluster as ClusterContract;
use Webpatser\ResonateWebhooks\Contracts\EndpointProvider;
use Webpatser\ResonateWebhooks\Events\Operation;
use Webpatser\ResonateWebhooks\Exceptions\EndpointProviderFailed;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;
use Webpatser\ResonateWebhooks\Native\Cluster;
use Webpatser\ResonateWebhooks\ProvidedEndpoints;
use Webpatser\ResonateWebhooks\Settings;

/**
 * Reads the cluster from Redis through the extension, adds the endpoints of this application, and records operations.
 */
final class NativeCluster implements ClusterContract
{
    private ?Cluster $native = null;

    /**
     * The failure of the EndpointProvider, if it failed.
     */
    private ?EndpointProviderFailed $failure = null;

    /**
     * Create a new instance. It connects when it is first used.
     */
    public function __construct(private readonly Container $container, private readonly AuditTrail $audit)
    {
        //
    }

    public function status(): array
    {
        $status = $this->native()->status();
        $status['endpoints'] = KnownEndpoints::of($status, $this->native()->endpoints());

        return $status;
    }

    public function history(array $endpoints = [], int $minutes = 60, int $step = 1): array
    {
        return $this->native()->history($endpoints, $minutes, $step);
    }

    public function metrics(): string
    {
        return $this->native()->metrics();
    }

    public function endpoints(?string $called = null): array
    {
        $endpoints = $this->status()['endpoints'];

        if ($called === null) {
            return $endpoints;
        }

        // Servers report URLs without their queries.
        $ids = array_column($this->native()->endpoints($called), 'id');

        return array_values(array_filter(
            $endpoints,
            fn (array $endpoint) => in_array($endpoint['id'], $ids, true) || KnownEndpoints::isNamed($endpoint, $called),
        ));
    }

    public function configured(?string $called = null): array
    {
        return $this->withEndpoints()->endpoints($called);
    }

    public function warnings(): array
    {
        return $this->native()->warnings();
    }

    public function pause(string $endpoint): bool
    {
        $paused = $this->native()->pause($endpoint);
        $this->audit->record(Operation::Pause, [$endpoint], (int) $paused);

        return $paused;
    }

    public function resume(string $endpoint): bool
    {
        $resumed = $this->native()->resume($endpoint);
        $this->audit->record(Operation::Resume, [$endpoint], (int) $resumed);

        return $resumed;
    }

    public function paused(): array
    {
        return $this->native()->paused();
    }

    public function disabled(): array
    {
        return $this->native()->disabled();
    }

    public function adopt(): ?string
    {
        $former = $this->native()->adopt();
        $this->audit->record(Operation::Adopt, [(string) $former], $former === null ? 0 : 1);

        return $former;
    }

    public function refusals(): array
    {
        return $this->native()->refusals();
    }

    public function watch(?string $last = null): array
    {
        return $this->native()->watch($last);
    }

    public function test(string $endpoint, string $key, #[SensitiveParameter] string $secret): ?array
    {
        return $this->withEndpoints()->test($endpoint, $key, $secret);
    }

    /**
     * Get the native cluster, or throw if its endpoints could not be loaded.
     *
     * @throws WebhooksException
     */
    private function withEndpoints(): Cluster
    {
        $native = $this->native();

        return $this->failure === null ? $native : throw $this->failure;
    }

    /**
     * Get the native cluster. If the EndpointProvider fails, the cluster has no endpoints, so that an operator can still pause
     * one while the application's database is down.
     *
     * @throws WebhooksException
     */
    private function native(): Cluster
    {
        if ($this->native !== null) {
            return $this->native;
        }

        $settings = Settings::forExtension();

        if (! $this->container->bound(EndpointProvider::class)) {
            return $this->native = new Cluster($settings);
        }

        try {
            return $this->native = new Cluster((new ProvidedEndpoints($settings))->config());
        } catch (Throwable $e) {
            $this->native = new Cluster(['endpoints' => []] + $settings);
            $this->failure = EndpointProviderFailed::because($e);

            return $this->native;
        }
    }
}
