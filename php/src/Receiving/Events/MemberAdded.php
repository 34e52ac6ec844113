<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Events;

/**
 * A user joined a presence channel, with the first of their connections.
 */
class MemberAdded extends BaseMemberEvent
{
    //
}
