<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Contracts;

/**
 * An event of a channel.
 */
interface ChannelEvent extends WebhookEvent
{
    /**
     * The channel.
     */
    public string $channel { get; }
}
