<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving;

/**
 * The reason for a rejected request. It is never sent to the sender.
 */
enum Rejection: string
{
    case TooLarge = 'the body is larger than max_bytes';
    case UnknownKey = 'X-Pusher-Key matches no application with a secret';
    case WrongPusherSignature = 'X-Pusher-Signature does not match the body';
    case WrongStandardSignature = 'webhook-signature does not match the id, the timestamp and the body';
    case WrongApplication = 'the route is limited to other applications';
    case NoStandardSignature = 'webhook-signature is missing, so neither the id nor the timestamp is signed';
    case Stale = 'webhook-timestamp differs from now by more than the tolerance';

    /**
     * Get the status of the response. It is the same for every invalid signature.
     */
    public function status(): int
    {
        return $this === self::TooLarge ? 413 : 401;
    }

    /**
     * Get the fix for the rejection of a genuine webhook, whose events are lost otherwise; null if it was not genuine.
     */
    public function remedy(string $key): ?string
    {
        return match ($this) {
            self::WrongApplication => "Send it to another URL, or add {$key} to the `app` of this route.",
            self::NoStandardSignature => "If the sender is Pusher, soketi or Sockudo, add {$key} to resonate-webhooks-receiving.pusher_only. Otherwise, it may be a replay.",
            self::Stale => 'Compare the clocks of sender and receiver, or raise resonate-webhooks-receiving.tolerance. It may be a replay.',
            default => null,
        };
    }
}
