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
     * @param  int|null  $tolerance  Seconds by which `webhook-timestamp` may be off, null for any.
     * @param  int  $maxBytes  The longest body that is read.
     * @param  list<string>  $pusherOnly  The applications whose senders know `X-Pusher-Signature` only, by key or id; `*` for all.
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
     * Verify `webhook-signature`, or `X-Pusher-Signature` where the request has no other and need not.
     *
     * A valid `webhook-signature` is enough: it covers the body too, and a
     * receiver that knows only an endpoint's own secret, or only a previous
     * one, cannot verify `X-Pusher-Signature`.
     *
     * @param  list<string>  $apps  The applications whose webhooks are accepted, by key or id; `*` for all.
     */
    public function verify(Request $request, array $apps = ['*']): Webhook|Rejection
    {
        if ((int) $request->header('Content-Length') > $this->maxBytes || strlen($body = $request->getContent()) > $this->maxBytes) {
            return Rejection::TooLarge;
        }

        $key = $this->header($request, 'X-Pusher-Key');
        $secrets = $key === '' ? [] : $this->secrets->secretsFor($key);
        $hasStandard = $request->headers->has('webhook-signature');

        // An unknown key takes as long as a known one.
        $genuine = $hasStandard
            ? $this->hasStandardSignature($request, $body, $secrets ?: [random_bytes(32)])
            : $this->hasPusherSignature($request, $body, $secrets ?: [random_bytes(32)]);

        return match (true) {
            $secrets === [] => Rejection::UnknownKey,
            ! $genuine => $hasStandard ? Rejection::WrongStandardSignature : Rejection::WrongPusherSignature,
            ! $this->keys->include($apps, $key) => Rejection::WrongApplication,
            // Otherwise a replay would leave out the headers that give it away.
            ! $hasStandard => $this->keys->include($this->pusherOnly, $key) ? new Webhook($key, $body) : Rejection::NoStandardSignature,
            $this->isStale($request) => Rejection::Stale,
            default => new Webhook($key, $body, $this->header($request, 'webhook-id')),
        };
    }

    /**
     * Determine whether `X-Pusher-Signature` is by one of the secrets.
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
     * Determine whether `webhook-signature` is by one of the secrets.
     *
     * @param  list<string>  $secrets
     */
    protected function hasStandardSignature(Request $request, string $body, array $secrets): bool
    {
        $id = $this->header($request, 'webhook-id');
        $timestamp = $this->header($request, 'webhook-timestamp');

        return $id !== '' && ctype_digit($timestamp) && $this->isOneOf(
            Signature::offered($request->headers->all('webhook-signature')),
            fn (string $key) => Signature::standardWebhooks($id, $timestamp, $body, $key),
            array_merge(...array_map(Signature::keys(...), $secrets)),
        );
    }

    /**
     * Determine whether the time of a webhook is too far from now.
     */
    protected function isStale(Request $request): bool
    {
        return $this->tolerance !== null
            && abs(Carbon::now()->getTimestamp() - (int) $this->header($request, 'webhook-timestamp')) > $this->tolerance;
    }

    /**
     * Determine whether one of the signatures offered is that of one of the secrets, in constant time.
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
     * The value of a header that occurs once. Of two, a proxy may have checked the other one.
     */
    protected function header(Request $request, string $name): string
    {
        $values = $request->headers->all(strtolower($name));

        return count($values) === 1 ? (string) $values[0] : '';
    }
}
