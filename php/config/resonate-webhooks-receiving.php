<?php

return [

    /*
    |--------------------------------------------------------------------------
    | Secrets
    |--------------------------------------------------------------------------
    |
    | The secrets of each application whose webhooks are received, by its key:
    | one, or a list while it is changed, the newest first. An endpoint's own
    | belongs there too. Without any, those in config/reverb.php are used.
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
    | The keys of applications whose senders are Pusher, soketi, or Sockudo, or
    | '*' for all. Their webhooks have X-Pusher-Signature alone, which covers
    | neither id nor time. From others, such a webhook may be a replay.
    |
    */

    'pusher_only' => env('RESONATE_WEBHOOKS_RECEIVING_PUSHER_ONLY'),

    /*
    |--------------------------------------------------------------------------
    | Tolerance
    |--------------------------------------------------------------------------
    |
    | How many seconds webhook-timestamp may differ from now; null accepts any.
    | A recorded webhook cannot be replayed later than that. Each attempt has a
    | timestamp of its own, so 300 is enough, however long a server retries.
    |
    */

    'tolerance' => env('RESONATE_WEBHOOKS_RECEIVING_TOLERANCE'),

    /*
    |--------------------------------------------------------------------------
    | Deduplication
    |--------------------------------------------------------------------------
    |
    | For how many seconds a handled webhook is known and not handled again, 0
    | for none; at least the tolerance. While a webhook is handled, its lock
    | holds resends off: longer than listeners take, unless a process dies.
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
    | The longest body, in bytes, that is read, verified, and parsed. It must be
    | above the batch_max_bytes of the server that sends webhooks here: a single
    | event may be longer than that, and is still sent whole.
    |
    */

    'max_bytes' => env('RESONATE_WEBHOOKS_RECEIVING_MAX_BYTES', 1048576),

];
