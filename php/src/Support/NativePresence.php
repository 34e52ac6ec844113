<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Support;

use Illuminate\Contracts\Container\Container;
use Throwable;
use Webpatser\ResonateWebhooks\Contracts\EndpointProvider;
use Webpatser\ResonateWebhooks\Contracts\Presence as PresenceContract;
use Webpatser\ResonateWebhooks\Exceptions\EndpointProviderFailed;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;
use Webpatser\ResonateWebhooks\Hosts\InstalledApplications;
use Webpatser\ResonateWebhooks\Native\Presence;
use Webpatser\ResonateWebhooks\ProvidedEndpoints;
use Webpatser\ResonateWebhooks\Settings;

/**
 * Reads presence from Redis through the extension.
 */
final class NativePresence implements PresenceContract
{
    private ?Presence $native = null;

    /**
     * The IDs of applications that are known to exist.
     *
     * @var array<string, true>
     */
    private array $applications = [];

    /**
     * Create a new instance. It connects when it is first used.
     */
    public function __construct(private readonly Container $container)
    {
        //
    }

    public function channels(string $app, string $prefix = '', int $limit = 1000, ?string $cursor = null): array
    {
        return $this->native($app)->channels($app, $prefix, $limit, $cursor);
    }

    public function members(string $app, string $channel, int $limit = 1000, ?string $cursor = null): array
    {
        return $this->native($app)->members($app, $channel, $limit, $cursor);
    }

    public function occupied(string $app, string $channel): bool
    {
        return $this->native($app)->occupied($app, $channel);
    }

    public function count(string $app, string $channel): int
    {
        return $this->native($app)->count($app, $channel);
    }

    /**
     * Get the native reader for questions about an application. The settings are read first, since they report a missing
     * extension by name.
     *
     * @throws WebhooksException
     */
    private function native(string $app): Presence
    {
        $native = $this->native ??= $this->create(Settings::forExtension());

        if (! isset($this->applications[$app])) {
            (new InstalledApplications($this->container))->ensureExists($app);
            $this->applications[$app] = true;
        }

        return $native;
    }

    /**
     * Create the native reader. Its endpoints say whether connections are counted.
     *
     * @param  array<string, mixed>  $settings
     *
     * @throws WebhooksException
     */
    private function create(array $settings): Presence
    {
        if (! $this->container->bound(EndpointProvider::class)) {
            return new Presence($settings);
        }

        try {
            return new Presence((new ProvidedEndpoints($settings))->config());
        } catch (Throwable $e) {
            throw EndpointProviderFailed::because($e);
        }
    }
}
