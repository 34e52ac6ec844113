<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving;

/**
 * Why a request is not taken for a webhook. The sender is not told.
 */
enum Rejection: string
{
    case TooLarge = 'the body is larger than max_bytes';
    case UnknownKey = 'X-Pusher-Key names no application that has a secret';
    case WrongPusherSignature = 'X-Pusher-Signature is not that of the body';
    case WrongStandardSignature = 'webhook-signature is not that of id, time and body';
    case Untimed = 'there is no webhook-signature, by which a tolerance could be kept';
    case Stale = 'webhook-timestamp is further from now than the tolerance';

    /**
     * The status of the answer, which is the same for whatever is wrong with a signature.
     */
    public function status(): int
    {
        return $this === self::TooLarge ? 413 : 401;
    }
}
