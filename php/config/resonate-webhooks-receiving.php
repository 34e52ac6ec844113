<?php

return [

    /*
    |--------------------------------------------------------------------------
    | Secrets
    |--------------------------------------------------------------------------
    |
    | The secrets of each application, by its key. While you rotate a secret,
    | list both, the newest first. Include the secrets of endpoints that have
    | their own. By default, the secrets in config/reverb.php are used.
    |
    */

    'secrets' => [
        // env('PUSHER_APP_KEY', '') => env('PUSHER_APP_SECRET'),
    ],

    /*
    |--------------------------------------------------------------------------
    | Pusher Only
    |--------------------------------------------------------------------------
    |
    | The keys of applications on Pusher, soketi, or Sockudo, or '*' for
    | all. These servers send X-Pusher-Signature only, which covers neither
    | ID nor time. From any other server, such a webhook may be a replay.
    |
    */

    'pusher_only' => env('RESONATE_WEBHOOKS_RECEIVING_PUSHER_ONLY'),

    /*
    |--------------------------------------------------------------------------
    | Tolerance
    |--------------------------------------------------------------------------
    |
    | The number of seconds that webhook-timestamp may differ from now; null
    | accepts any. Older webhooks cannot be replayed. Each attempt has a new
    | timestamp, so 300 is enough even if a server retries for longer.
    |
    */

    'tolerance' => env('RESONATE_WEBHOOKS_RECEIVING_TOLERANCE'),

    /*
    |--------------------------------------------------------------------------
    | Deduplication
    |--------------------------------------------------------------------------
    |
    | The number of seconds to remember a handled webhook, at least the
    | tolerance; 0 disables deduplication. The lock rejects a resend while
    | listeners run, so it must last longer than your listeners take.
    |
    */

    'dedupe_for' => env('RESONATE_WEBHOOKS_RECEIVING_DEDUPE_FOR', 86400),

    'lock_for' => env('RESONATE_WEBHOOKS_RECEIVING_LOCK_FOR', 20),

    'store' => env('RESONATE_WEBHOOKS_RECEIVING_STORE'),

    /*
    |--------------------------------------------------------------------------
    | Limit
    |--------------------------------------------------------------------------
    |
    | The maximum size of a request body, in bytes. It must exceed
    | batch_max_bytes of the server that sends the webhooks, since
    | a single event that is longer is still sent.
    |
    */

    'max_bytes' => env('RESONATE_WEBHOOKS_RECEIVING_MAX_BYTES', 1048576),

];
