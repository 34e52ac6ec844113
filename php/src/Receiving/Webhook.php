<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving;

use Illuminate\Http\Request;
use JsonException;
use LogicException;
use Symfony\Component\HttpKernel\Exception\BadRequestHttpException;

/**
 * A webhook whose signatures have been verified.
 */
final readonly class Webhook
{
    /**
     * Create a new webhook.
     *
     * @param  string  $appKey  The key of the application whose secret signed it.
     * @param  string  $body  The bytes that were signed.
     * @param  string|null  $id  The `webhook-id`, the same in a resend; null if it is missing or not signed.
     */
    public function __construct(
        public string $appKey,
        public string $body,
        public ?string $id = null,
    ) {
        //
    }

    /**
     * Get the verified webhook of a request.
     */
    public static function of(Request $request): self
    {
        return $request->attributes->get(self::class)
            ?? throw new LogicException('The request has not passed the VerifyWebhookSignature middleware.');
    }

    /**
     * Get the decoded body.
     *
     * @return array{events: list<array<string, mixed>>, time_ms?: mixed}
     *
     * @throws BadRequestHttpException
     */
    public function payload(): array
    {
        try {
            $payload = json_decode($this->body, true, flags: JSON_THROW_ON_ERROR | JSON_BIGINT_AS_STRING);
        } catch (JsonException $e) {
            throw new BadRequestHttpException('The webhook is not JSON.', $e);
        }

        $events = is_array($payload) ? $payload['events'] ?? null : null;

        if (! is_array($events) || ! array_is_list($events) || ! array_all($events, fn (mixed $event) => is_array($event))) {
            throw new BadRequestHttpException('The webhook has no list of events.');
        }

        return $payload;
    }
}
