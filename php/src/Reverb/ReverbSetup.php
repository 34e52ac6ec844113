<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Reverb;

use Laravel\Reverb\Application as ReverbApplication;
use Webpatser\ResonateWebhooks\AppWebhooks;
use Webpatser\ResonateWebhooks\Contracts\EndpointProvider;
use Webpatser\ResonateWebhooks\Extension;
use Webpatser\ResonateWebhooks\Hosts\HostRelease;
use Webpatser\ResonateWebhooks\Hosts\SetupProblem;

/**
 * Checks the setup of Reverb together with the webhooks.
 */
final class ReverbSetup
{
    /**
     * Determine if Reverb is installed.
     */
    public static function isInstalled(): bool
    {
        return HostRelease::reverb()->isPresent();
    }

    /**
     * Determine if Reverb sends webhooks: as the `reverb` config says or, if it is null, if there are endpoints.
     */
    public static function isOn(): bool
    {
        return self::switch() ?? self::hasEndpoints();
    }

    /**
     * Determine if the `reverb` config turns webhooks off.
     */
    public static function isSwitchedOff(): bool
    {
        return self::switch() === false;
    }

    /**
     * Get the reason why webhooks cannot run with this Reverb; null if they can.
     */
    public static function obstacle(): ?string
    {
        return match (true) {
            // A branch has no version to compare, so this checks for a method that 1.8 added.
            ! method_exists(ReverbApplication::class, 'acceptClientEventsFrom') || HostRelease::reverb()->isUnsupported() => sprintf(
                '%s is not supported; install laravel/reverb ^1.8',
                HostRelease::reverb()->name(),
            ),
            default => Extension::problem(),
        };
    }

    /**
     * Get the problems that do not prevent webhooks.
     *
     * @param  iterable<object>  $apps  Reverb's own objects.
     * @return list<SetupProblem>
     */
    public static function problems(iterable $apps): array
    {
        $problems = [];

        foreach ($apps as $app) {
            if ($app->acceptClientEventsFrom() === 'all') {
                $problems[] = new SetupProblem(
                    "application {$app->id()} accepts client events from all: Reverb also relays those of clients outside the channel, for which no webhook is sent",
                    "Set 'accept_client_events_from' => 'members' for it in config/reverb.php.",
                );
            }
        }

        if (! extension_loaded('pcntl')) {
            $problems[] = new SetupProblem(
                'PHP has no pcntl extension, so SIGTERM ends Reverb at once: undelivered events wait in Redis for another server',
                'Install the pcntl extension of PHP.',
            );
        }

        return $problems;
    }

    /**
     * Get the `reverb` config; null if it is not set.
     */
    private static function switch(): ?bool
    {
        $on = config('resonate-webhooks.reverb');

        return $on === null || $on === ''
            ? null
            // An invalid value is refused when the config is read.
            : filter_var($on, FILTER_VALIDATE_BOOLEAN, FILTER_NULL_ON_FAILURE) ?? true;
    }

    private static function hasEndpoints(): bool
    {
        return app()->bound(EndpointProvider::class)
            || ! empty(config('resonate-webhooks.endpoints'))
            || AppWebhooks::of(config('reverb.apps.apps')) !== [];
    }
}
