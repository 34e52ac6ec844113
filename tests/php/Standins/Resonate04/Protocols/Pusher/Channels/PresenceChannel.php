<?php

declare(strict_types=1);

namespace Webpatser\Resonate\Protocols\Pusher\Channels;

use ErrorException;

/**
 * Resonate 0.4: who joins gets everybody's `user_info`, and an error where a member has none.
 */
class PresenceChannel extends PrivateChannel
{
    public function data(): array
    {
        foreach ($this->members as $member) {
            if (! array_key_exists('user_info', $member->data())) {
                throw new ErrorException('Undefined array key "user_info"');
            }
        }

        return parent::data();
    }
}
