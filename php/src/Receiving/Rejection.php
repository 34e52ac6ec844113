<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving;

/**
 * The reason why a request was refused. The sender does not learn it.
 */
enum Rejection: string
{
    case TooLarge = 'the body is larger than max_bytes';
    case UnknownKey = 'X-Pusher-Key names no application that has a secret';
    case WrongPusherSignature = 'X-Pusher-Signature is not that of the body';
    case WrongStandardSignature = 'webhook-signature is not that of id, time and body';
    case WrongApplication = 'the route is limited to other applications';
    case NoStandardSignature = 'there is no webhook-signature, and thus neither a signed id nor a signed time';
    case Stale = 'webhook-timestamp is further from now than the tolerance';

    /**
     * The status of the answer, the same for everything that is wrong with a signature.
     */
    public function status(): int
    {
        return $this === self::TooLarge ? 413 : 401;
    }

    /**
     * The remedy for the refusal of a genuine webhook, whose events are lost otherwise; null where it was not genuine.
     */
    public function remedy(string $key): ?string
    {
        return match ($this) {
            self::WrongApplication => "Send it to another URL, or add {$key} to the `app` of this route.",
            self::NoStandardSignature => "If its sender is Pusher, soketi or Sockudo, add {$key} to resonate-webhooks-receiving.pusher_only; if not, it may be a replay.",
            self::Stale => 'Compare the clocks of sender and receiver, or raise resonate-webhooks-receiving.tolerance; it may be a replay.',
            default => null,
        };
    }
}
