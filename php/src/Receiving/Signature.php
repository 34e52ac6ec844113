<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving;

use SensitiveParameter;

/**
 * Computes the two signatures of a webhook.
 */
final class Signature
{
    /**
     * Compute the value of `X-Pusher-Signature`.
     */
    public static function pusher(string $body, #[SensitiveParameter] string $secret): string
    {
        return hash_hmac('sha256', $body, $secret);
    }

    /**
     * Compute a value of `webhook-signature`; see https://www.standardwebhooks.com.
     *
     * @param  string  $secret  One of the {@see self::keys()}.
     */
    public static function standardWebhooks(string $id, string $timestamp, string $body, #[SensitiveParameter] string $secret): string
    {
        return 'v1,'.base64_encode(hash_hmac('sha256', "{$id}.{$timestamp}.{$body}", $secret, binary: true));
    }

    /**
     * Get the signatures in `webhook-signature`, each with its version.
     *
     * They are separated by spaces. Gateways that treat the header as a list also split it at the comma after the version, or
     * send several header lines, which PHP joins with commas.
     *
     * @param  list<string|null>  $lines
     * @return list<string>
     */
    public static function inHeader(array $lines): array
    {
        preg_match_all('/(?<![^\s,])v1[\s,]+([^\s,]+)/', implode(',', $lines), $matches);

        return array_map(fn (string $signature) => "v1,{$signature}", $matches[1]);
    }

    /**
     * Get the keys that may sign `webhook-signature`: the text of the secret and, with the prefix `whsec_`, its decoded bytes.
     *
     * @return list<string>
     */
    public static function keys(#[SensitiveParameter] string $secret): array
    {
        $bytes = str_starts_with($secret, 'whsec_') ? (string) base64_decode(substr($secret, 6), strict: true) : '';

        return $bytes === '' ? [$secret] : [$secret, $bytes];
    }
}
