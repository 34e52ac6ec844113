<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Testing;

/**
 * An event that a fake recorded.
 */
final readonly class SentWebhook
{
    /**
     * Create a new record of an event.
     *
     * @param  string  $event  The name of the event.
     * @param  string  $app  The ID of the application.
     * @param  string|null  $channel  The channel, if the event has one.
     * @param  mixed  $data  The data of the event.
     */
    public function __construct(
        public string $event,
        public string $app,
        public ?string $channel = null,
        public mixed $data = null,
    ) {
        //
    }
}
