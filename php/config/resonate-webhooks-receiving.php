<?php

return [

    /*
    |--------------------------------------------------------------------------
    | Secrets
    |--------------------------------------------------------------------------
    |
    | The secret of each application whose webhooks are received, by its key. A
    | list of secrets, the newest first, lets you change one without a gap; an
    | endpoint's own belongs there too. If none, config/reverb.php has them.
    |
    */

    'secrets' => [
        // env('PUSHER_APP_KEY') => env('PUSHER_APP_SECRET'),
    ],

    /*
    |--------------------------------------------------------------------------
    | Tolerance
    |--------------------------------------------------------------------------
    |
    | How many seconds the time of a webhook may be off; null takes them however
    | old. Whoever recorded one cannot repeat it later than that. Each attempt
    | has a time of its own, so that 300 is enough however long a server tries.
    |
    */

    'tolerance' => env('RESONATE_WEBHOOKS_RECEIVING_TOLERANCE'),

    /*
    |--------------------------------------------------------------------------
    | Resends
    |--------------------------------------------------------------------------
    |
    | For how many seconds a webhook is known that was handled, so that it will
    | not be handled again; zero forgets at once. One that is being handled is
    | put off for as long as the lease, unless its process fails before then.
    |
    */

    'remember' => env('RESONATE_WEBHOOKS_RECEIVING_REMEMBER', 86400),

    'lease' => env('RESONATE_WEBHOOKS_RECEIVING_LEASE', 20),

    'store' => env('RESONATE_WEBHOOKS_RECEIVING_STORE'),

    /*
    |--------------------------------------------------------------------------
    | Limit
    |--------------------------------------------------------------------------
    |
    | The longest body, in bytes, that is read, verified, and parsed. It has to
    | be above the batch_max_bytes of the server that sends the webhooks here,
    | for one event which is longer than that still travels alone and whole.
    |
    */

    'max_bytes' => env('RESONATE_WEBHOOKS_RECEIVING_MAX_BYTES', 1048576),

];
