<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Testing;

/**
 * An event that was sent while webhooks were faked.
 */
final readonly class SentWebhook
{
    /**
     * Create a new record of an event.
     *
     * @param  string  $event  Its name.
     * @param  string  $app  The id of the application.
     * @param  string|null  $channel  The channel, if it is on one.
     * @param  mixed  $data  What it carries.
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
