<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use Illuminate\Container\Container;
use Webpatser\ResonateWebhooks\Exceptions\InvalidConfig;

/**
 * Detects a transport of the replaced package, which this package does not use.
 *
 * An application binds one to intercept its webhooks, for example on a staging server. This package would send them.
 */
final class RemovedTransport
{
    public const string PROBLEM = self::CONTRACT.' is bound in the container, but nothing is sent through it: webhooks would go to their real endpoints';

    public const string REMEDY = 'Remove the binding, and bind an EndpointProvider that lists other endpoints, or set the URL of the endpoint to your recorder; see docs/migrating.md.';

    /**
     * The contract, which this package does not have.
     */
    private const string CONTRACT = 'Webpatser\ResonateWebhooks\WebhookTransport';

    /**
     * Determine if the application binds or extends the contract.
     */
    public static function isBound(): bool
    {
        $container = Container::getInstance();

        // The replaced package bound the contract, so that applications could use extend() alone. Laravel has no method to detect that.
        return $container->bound(self::CONTRACT)
            || (fn (string $contract) => ! empty($this->extenders[$contract]))->call($container, self::CONTRACT);
    }

    /**
     * Throw if a transport is bound.
     *
     * @throws InvalidConfig
     */
    public static function refuse(): void
    {
        if (self::isBound()) {
            throw new InvalidConfig(self::PROBLEM.'. '.self::REMEDY);
        }
    }
}
