<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Events;

use Webpatser\ResonateWebhooks\Receiving\Contracts\MemberEvent;

/**
 * The base of member events.
 */
abstract class BaseMemberEvent extends BaseChannelEvent implements MemberEvent
{
    public string $userId {
        get => (string) $this->payload['user_id'];
    }

    public ?string $socketId {
        get => self::text($this->payload['socket_id'] ?? null);
    }

    public mixed $data {
        get => self::decoded($this->payload['data'] ?? null);
    }

    /**
     * Determine if a payload has the fields of this type.
     *
     * @param  array<string, mixed>  $payload
     */
    public static function fits(array $payload): bool
    {
        return parent::fits($payload) && self::text($payload['user_id'] ?? null) !== null;
    }
}
