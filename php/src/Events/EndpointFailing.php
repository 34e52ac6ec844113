<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Events;

use Illuminate\Foundation\Events\Dispatchable;

/**
 * A batch failed three times, failed for 30 seconds, or became a dead letter. Each node that sends to the endpoint fires
 * this once until the endpoint recovers.
 */
class EndpointFailing
{
    use Dispatchable;

    /**
     * Create a new event instance.
     *
     * @param  string  $url  The URL, without userinfo and query.
     * @param  string  $reason  The failure of the last attempt: `HTTP 500`, or the transport error.
     * @param  int  $seconds  The seconds without a successful attempt.
     * @param  string  $endpoint  The ID of the endpoint, which can be used to pause it.
     * @param  string|null  $answer  The beginning of what the endpoint answered, without secrets; null without an answer, or with
     *                               `keep_answers` = 0.
     * @param  int|null  $status  The HTTP status of that answer, if the endpoint itself answered.
     * @param  int|null  $answeredMs  The time of that answer, in Unix ms.
     */
    public function __construct(
        public string $url,
        public string $reason,
        public int $seconds,
        public string $endpoint,
        public ?string $answer = null,
        public ?int $status = null,
        public ?int $answeredMs = null,
    ) {
        //
    }
}
