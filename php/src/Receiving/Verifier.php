<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving;

use Closure;
use Illuminate\Http\Request;
use Illuminate\Support\Carbon;
use Webpatser\ResonateWebhooks\Receiving\Contracts\SecretProvider;

/**
 * Tells a webhook from anything else that is sent to the same URL.
 */
class Verifier
{
    /**
     * Create a new verifier.
     *
     * @param  int|null  $tolerance  How far from now, in seconds, the time of a webhook may be; null for any time, or none.
     * @param  int  $maxBytes  The longest body that is looked at.
     */
    public function __construct(
        protected SecretProvider $secrets,
        protected ?int $tolerance,
        protected int $maxBytes,
    ) {
        //
    }

    /**
     * Verify every signature that the request has.
     */
    public function verify(Request $request): Webhook|Rejection
    {
        if ((int) $request->header('Content-Length') > $this->maxBytes || strlen($body = $request->getContent()) > $this->maxBytes) {
            return Rejection::TooLarge;
        }

        $key = $this->header($request, 'X-Pusher-Key');
        $secrets = $key === '' ? [] : $this->secrets->secretsFor($key);

        // Who guesses keys is not told by the time it takes either.
        $genuine = $this->isOneOf(
            [$this->header($request, 'X-Pusher-Signature')],
            fn (string $secret) => Signature::pusher($body, $secret),
            $secrets ?: [random_bytes(32)],
        );

        return match (true) {
            $secrets === [] => Rejection::UnknownKey,
            ! $genuine => Rejection::WrongPusherSignature,
            $request->headers->has('webhook-signature') => $this->verifyStandard($request, new Webhook($key, $body, $this->header($request, 'webhook-id')), $secrets),
            $this->tolerance !== null => Rejection::Untimed,
            default => new Webhook($key, $body),
        };
    }

    /**
     * Verify the signature that covers id and time as well.
     *
     * @param  list<string>  $secrets
     */
    protected function verifyStandard(Request $request, Webhook $webhook, array $secrets): Webhook|Rejection
    {
        $timestamp = $this->header($request, 'webhook-timestamp');

        if ($webhook->id === '' || ! ctype_digit($timestamp) || ! $this->isOneOf(
            explode(' ', $this->header($request, 'webhook-signature')),
            fn (string $secret) => Signature::standardWebhooks($webhook->id, $timestamp, $webhook->body, $secret),
            $secrets,
        )) {
            return Rejection::WrongStandardSignature;
        }

        return $this->tolerance !== null && abs(Carbon::now()->getTimestamp() - (int) $timestamp) > $this->tolerance
            ? Rejection::Stale
            : $webhook;
    }

    /**
     * Whether one of the signatures offered is that of one of the secrets.
     *
     * @param  list<string>  $offered
     * @param  Closure(string): string  $sign
     * @param  list<string>  $secrets
     */
    protected function isOneOf(array $offered, Closure $sign, array $secrets): bool
    {
        $found = false;

        foreach ($secrets as $secret) {
            $expected = $sign($secret);

            foreach ($offered as $signature) {
                $found = hash_equals($expected, $signature) || $found;
            }
        }

        return $found;
    }

    /**
     * A header that is there once; of two it could not be said which one somebody else has looked at.
     */
    protected function header(Request $request, string $name): string
    {
        $values = $request->headers->all(strtolower($name));

        return count($values) === 1 ? (string) $values[0] : '';
    }
}
