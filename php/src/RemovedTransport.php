<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use Illuminate\Container\Container;
use Webpatser\ResonateWebhooks\Exceptions\InvalidConfig;

/**
 * Detects a transport of the replaced package's, through which nothing is sent any more.
 *
 * An application binds one to keep its webhooks from leaving, on a staging server for example. Without it they would be sent.
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
     * Whether the application binds the contract, or decorates it.
     */
    public static function isBound(): bool
    {
        $container = Container::getInstance();

        // The replaced package had a binding of its own, so that extend() alone was enough. Laravel does not tell of that.
        return $container->bound(self::CONTRACT)
            || (fn (string $contract) => ! empty($this->extenders[$contract]))->call($container, self::CONTRACT);
    }

    /**
     * Refuse to go on with a transport.
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
