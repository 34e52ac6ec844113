<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Events;

/**
 * A user left a presence channel, with the last of their connections.
 */
class MemberRemoved extends BaseMemberEvent
{
    //
}
