<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Support;

use Illuminate\Contracts\Container\Container;
use Throwable;
use Webpatser\ResonateWebhooks\Contracts\EndpointProvider;
use Webpatser\ResonateWebhooks\Exceptions\ApplicationProviderFailed;
use Webpatser\ResonateWebhooks\Exceptions\EndpointProviderFailed;
use Webpatser\ResonateWebhooks\Exceptions\EventNotSent;
use Webpatser\ResonateWebhooks\Exceptions\ExtensionMismatch;
use Webpatser\ResonateWebhooks\Exceptions\ExtensionMissing;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;
use Webpatser\ResonateWebhooks\Hosts\InstalledApplications;
use Webpatser\ResonateWebhooks\Json;
use Webpatser\ResonateWebhooks\Native\EventSender as NativeEventSender;
use Webpatser\ResonateWebhooks\ProvidedEndpoints;
use Webpatser\ResonateWebhooks\Settings;
use Webpatser\ResonateWebhooks\Webhooks;

/**
 * Sends custom events through Redis, from processes that are not servers.
 */
final class EventSender
{
    private ?NativeEventSender $native = null;

    /**
     * The IDs of applications that are known to exist.
     *
     * @var array<string, true>
     */
    private array $applications = [];

    /**
     * Create a new sender. It connects when it is first used.
     */
    public function __construct(private readonly Container $container)
    {
        //
    }

    /**
     * Send an event; see {@see Webhooks::send()}.
     *
     * @throws WebhooksException
     */
    public function send(string $event, string $app, ?string $channel = null, mixed $data = null): bool
    {
        $native = $this->native();

        if (! isset($this->applications[$app])) {
            try {
                (new InstalledApplications($this->container))->ensureExists($app);
            } catch (ApplicationProviderFailed $e) {
                throw EventNotSent::because($e);
            }

            $this->applications[$app] = true;
        }

        return $native->send($app, $event, $channel, $data === null ? null : Json::ofApplication($data));
    }

    /**
     * Get the native sender.
     *
     * @throws WebhooksException
     */
    private function native(): NativeEventSender
    {
        if ($this->native !== null) {
            return $this->native;
        }

        try {
            $settings = Settings::forExtension();
        } catch (ExtensionMissing|ExtensionMismatch $e) {
            throw EventNotSent::because($e);
        }

        return $this->native = new NativeEventSender($this->container->bound(EndpointProvider::class) ? $this->provided($settings) : $settings);
    }

    /**
     * Add the endpoints of the application's provider to the settings.
     *
     * @param  array<string, mixed>  $settings
     * @return array<string, mixed>
     *
     * @throws EventNotSent
     */
    private function provided(array $settings): array
    {
        try {
            return (new ProvidedEndpoints($settings))->config();
        } catch (Throwable $e) {
            throw EventNotSent::because(EndpointProviderFailed::because($e));
        }
    }
}
