<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Contracts;

/**
 * A presence user joined or left a channel.
 */
interface MemberEvent extends ChannelEvent
{
    /**
     * The user id, numeric ones as text too.
     */
    public string $userId { get; }

    /**
     * The first connection of the user, or the last one, where the sender tells it.
     */
    public ?string $socketId { get; }

    /**
     * The decoded channel data of the user, where the sender tells it.
     */
    public mixed $data { get; }
}
