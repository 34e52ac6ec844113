<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Contracts;

/**
 * An event of a presence user who joined or left a channel.
 */
interface MemberEvent extends ChannelEvent
{
    /**
     * The user ID, a string even if it is numeric.
     */
    public string $userId { get; }

    /**
     * The socket ID of the user's first or last connection, if the sender includes it.
     */
    public ?string $socketId { get; }

    /**
     * The decoded channel data of the user, if the sender includes it.
     */
    public mixed $data { get; }
}
