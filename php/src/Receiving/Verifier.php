<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving;

use Closure;
use Illuminate\Http\Request;
use Illuminate\Support\Carbon;
use Webpatser\ResonateWebhooks\Receiving\Contracts\SecretProvider;

/**
 * Verifies the signatures of webhooks.
 */
class Verifier
{
    /**
     * Create a new verifier.
     *
     * @param  int|null  $tolerance  The seconds by which `webhook-timestamp` may differ from now; null for any.
     * @param  int  $maxBytes  The maximum size of a body, in bytes.
     * @param  list<string>  $pusherOnly  The applications whose senders have `X-Pusher-Signature` only, by key or ID; `*` for all.
     */
    public function __construct(
        protected SecretProvider $secrets,
        protected AppKeys $keys,
        protected ?int $tolerance,
        protected int $maxBytes,
        protected array $pusherOnly,
    ) {
        //
    }

    /**
     * Verify `webhook-signature`, or `X-Pusher-Signature` if the request has no other and needs none.
     *
     * A valid `webhook-signature` is enough, since it covers the body too. A
     * receiver with only the secret of an endpoint, or only a previous one,
     * cannot verify `X-Pusher-Signature`.
     *
     * @param  list<string>  $apps  The applications whose webhooks are accepted, by key or ID; `*` for all.
     */
    public function verify(Request $request, array $apps = ['*']): Webhook|Rejection
    {
        if ((int) $request->header('Content-Length') > $this->maxBytes || strlen($body = $request->getContent()) > $this->maxBytes) {
            return Rejection::TooLarge;
        }

        $key = $this->header($request, 'X-Pusher-Key');
        $secrets = $key === '' ? [] : $this->secrets->secretsFor($key);
        $hasStandard = $request->headers->has('webhook-signature');

        // Verifying an unknown key takes as long as verifying a known one.
        $genuine = $hasStandard
            ? $this->hasStandardSignature($request, $body, $secrets ?: [random_bytes(32)])
            : $this->hasPusherSignature($request, $body, $secrets ?: [random_bytes(32)]);

        return match (true) {
            $secrets === [] => Rejection::UnknownKey,
            ! $genuine => $hasStandard ? Rejection::WrongStandardSignature : Rejection::WrongPusherSignature,
            ! $this->keys->include($apps, $key) => Rejection::WrongApplication,
            // Otherwise a replay could omit the headers that reveal it.
            ! $hasStandard => $this->keys->include($this->pusherOnly, $key) ? new Webhook($key, $body) : Rejection::NoStandardSignature,
            $this->isStale($request) => Rejection::Stale,
            default => new Webhook($key, $body, $this->header($request, 'webhook-id')),
        };
    }

    /**
     * Determine if one of the secrets made `X-Pusher-Signature`.
     *
     * @param  list<string>  $secrets
     */
    protected function hasPusherSignature(Request $request, string $body, array $secrets): bool
    {
        return $this->isOneOf(
            [$this->header($request, 'X-Pusher-Signature')],
            fn (string $secret) => Signature::pusher($body, $secret),
            $secrets,
        );
    }

    /**
     * Determine if one of the secrets made `webhook-signature`.
     *
     * @param  list<string>  $secrets
     */
    protected function hasStandardSignature(Request $request, string $body, array $secrets): bool
    {
        $id = $this->header($request, 'webhook-id');
        $timestamp = $this->header($request, 'webhook-timestamp');

        return $id !== '' && ctype_digit($timestamp) && $this->isOneOf(
            Signature::inHeader($request->headers->all('webhook-signature')),
            fn (string $key) => Signature::standardWebhooks($id, $timestamp, $body, $key),
            array_merge(...array_map(Signature::keys(...), $secrets)),
        );
    }

    /**
     * Determine if the timestamp of a webhook is too far from now.
     */
    protected function isStale(Request $request): bool
    {
        return $this->tolerance !== null
            && abs(Carbon::now()->getTimestamp() - (int) $this->header($request, 'webhook-timestamp')) > $this->tolerance;
    }

    /**
     * Determine if one of the secrets made one of the signatures, in constant time.
     *
     * @param  list<string>  $signatures
     * @param  Closure(string): string  $sign
     * @param  list<string>  $secrets
     */
    protected function isOneOf(array $signatures, Closure $sign, array $secrets): bool
    {
        $found = false;

        foreach ($secrets as $secret) {
            $expected = $sign($secret);

            foreach ($signatures as $signature) {
                $found = hash_equals($expected, $signature) || $found;
            }
        }

        return $found;
    }

    /**
     * Get the value of a header that occurs once; otherwise an empty string. A proxy may have checked another line of the header.
     */
    protected function header(Request $request, string $name): string
    {
        $values = $request->headers->all(strtolower($name));

        return count($values) === 1 ? (string) $values[0] : '';
    }
}
