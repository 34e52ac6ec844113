<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving;

use SensitiveParameter;

/**
 * The two signatures that a webhook has.
 */
final class Signature
{
    /**
     * What `X-Pusher-Signature` has to be.
     */
    public static function pusher(string $body, #[SensitiveParameter] string $secret): string
    {
        return hash_hmac('sha256', $body, $secret);
    }

    /**
     * What has to be among those in `webhook-signature`, see https://www.standardwebhooks.com.
     */
    public static function standardWebhooks(string $id, string $timestamp, string $body, #[SensitiveParameter] string $secret): string
    {
        return 'v1,'.base64_encode(hash_hmac('sha256', "{$id}.{$timestamp}.{$body}", $secret, binary: true));
    }
}
