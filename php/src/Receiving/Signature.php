<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving;

use SensitiveParameter;

/**
 * The two signatures of a webhook.
 */
final class Signature
{
    /**
     * The value of `X-Pusher-Signature`.
     */
    public static function pusher(string $body, #[SensitiveParameter] string $secret): string
    {
        return hash_hmac('sha256', $body, $secret);
    }

    /**
     * One of the values of `webhook-signature`, see https://www.standardwebhooks.com.
     *
     * @param  string  $secret  One of the {@see self::keys()}.
     */
    public static function standardWebhooks(string $id, string $timestamp, string $body, #[SensitiveParameter] string $secret): string
    {
        return 'v1,'.base64_encode(hash_hmac('sha256', "{$id}.{$timestamp}.{$body}", $secret, binary: true));
    }

    /**
     * The signatures in `webhook-signature`, each with its version.
     *
     * They are separated by spaces. Gateways that take the header for a list split it at the comma behind the version too,
     * or write several lines of it, which PHP joins by commas.
     *
     * @param  list<string|null>  $lines
     * @return list<string>
     */
    public static function offered(array $lines): array
    {
        preg_match_all('/(?<![^\s,])v1[\s,]+([^\s,]+)/', implode(',', $lines), $matches);

        return array_map(fn (string $signature) => "v1,{$signature}", $matches[1]);
    }

    /**
     * The keys that `webhook-signature` may be signed with: the text of a secret and, behind `whsec_`, the bytes in base64.
     *
     * @return list<string>
     */
    public static function keys(#[SensitiveParameter] string $secret): array
    {
        $bytes = str_starts_with($secret, 'whsec_') ? (string) base64_decode(substr($secret, 6), strict: true) : '';

        return $bytes === '' ? [$secret] : [$secret, $bytes];
    }
}
