<?php

return [

    /*
    |--------------------------------------------------------------------------
    | Redis Connection
    |--------------------------------------------------------------------------
    |
    | Where the cluster decides its edges and keeps the webhooks that are still
    | on their way. It has to be the server and database that your roster uses
    | too: its records tell a node that died from one that is merely slow.
    |
    */

    'connection' => [
        'url' => env('RESONATE_WEBHOOKS_REDIS_URL', env('REDIS_URL')),
        'scheme' => env('RESONATE_WEBHOOKS_REDIS_SCHEME', env('REDIS_SCHEME', 'tcp')),
        'host' => env('RESONATE_WEBHOOKS_REDIS_HOST', env('REDIS_HOST', '127.0.0.1')),
        'port' => env('RESONATE_WEBHOOKS_REDIS_PORT', env('REDIS_PORT', '6379')),
        'username' => env('RESONATE_WEBHOOKS_REDIS_USERNAME', env('REDIS_USERNAME')),
        'password' => env('RESONATE_WEBHOOKS_REDIS_PASSWORD', env('REDIS_PASSWORD')),
        'database' => env('RESONATE_WEBHOOKS_REDIS_DB', env('REDIS_DB', '0')),
        'timeout' => env('RESONATE_WEBHOOKS_REDIS_TIMEOUT', 5),
        'ca_file' => env('RESONATE_WEBHOOKS_REDIS_CA_FILE'),
        'client_cert' => env('RESONATE_WEBHOOKS_REDIS_CLIENT_CERT'),
        'client_key' => env('RESONATE_WEBHOOKS_REDIS_CLIENT_KEY'),
        'sentinels' => env('RESONATE_WEBHOOKS_REDIS_SENTINELS'),
        'service' => env('RESONATE_WEBHOOKS_REDIS_SERVICE', 'mymaster'),
        'sentinel_username' => env('RESONATE_WEBHOOKS_REDIS_SENTINEL_USERNAME'),
        'sentinel_password' => env('RESONATE_WEBHOOKS_REDIS_SENTINEL_PASSWORD'),
    ],

    /*
    |--------------------------------------------------------------------------
    | Key Prefix
    |--------------------------------------------------------------------------
    |
    | Every Redis key this package writes begins with this prefix. Two clusters
    | which share one Redis database need two prefixes, while all of the nodes
    | belonging to the same cluster must agree on a single one between them.
    |
    */

    'key_prefix' => env('RESONATE_WEBHOOKS_PREFIX', 'wh'),

    /*
    |--------------------------------------------------------------------------
    | Cluster Name
    |--------------------------------------------------------------------------
    |
    | Tells this cluster from others that use the same Redis and prefix: nodes
    | never work on the data of another cluster. Without a name here, APP_NAME,
    | APP_ENV and a fingerprint of APP_KEY with its previous keys make up one.
    |
    */

    'cluster_name' => env('RESONATE_WEBHOOKS_CLUSTER_NAME'),

    /*
    |--------------------------------------------------------------------------
    | Laravel Reverb
    |--------------------------------------------------------------------------
    |
    | Whether "reverb:start" sends webhooks. While nothing is said here, it does
    | as soon as there are endpoints. Resonate does not look at this setting at
    | all: it sends webhooks where its plugin is listed in config/reverb.php.
    |
    */

    'reverb' => env('RESONATE_WEBHOOKS_REVERB'),

    /*
    |--------------------------------------------------------------------------
    | Node Lease
    |--------------------------------------------------------------------------
    |
    | How many seconds a node may stay silent before the others consider it to
    | be dead and announce the departure of everybody it served. Each node is
    | renewing its lease long before then: every third of this time span.
    |
    */

    'ttl' => env('RESONATE_WEBHOOKS_TTL', 90),

    /*
    |--------------------------------------------------------------------------
    | Intervals
    |--------------------------------------------------------------------------
    |
    | Both in seconds. Events that fall into one flush interval may travel in a
    | single POST; a shorter one means fresher webhooks and more requests. Once
    | per reconcile interval each node compares its books with its sockets.
    |
    */

    'flush_interval' => env('RESONATE_WEBHOOKS_FLUSH', 1.0),

    'reconcile_interval' => env('RESONATE_WEBHOOKS_RECONCILE', 30.0),

    /*
    |--------------------------------------------------------------------------
    | Ignored Channels
    |--------------------------------------------------------------------------
    |
    | Channels whose names begin with one of these prefixes make no event. The
    | Pusher protocol reserves "#" for the channels of the server itself, such
    | as "#server-to-user-7", which are sessions of users rather than rooms.
    |
    */

    'ignore_channel_prefixes' => ['#'],

    /*
    |--------------------------------------------------------------------------
    | Departure Grace
    |--------------------------------------------------------------------------
    |
    | How many seconds a departure is kept back. Whoever returns in time causes
    | no webhook at all: no member_removed and no member_added, on any node. At
    | zero every departure is told at once; 3.0 is the way that Pusher has it.
    |
    */

    'departure_grace' => env('RESONATE_WEBHOOKS_DEPARTURE_GRACE', 0.0),

    /*
    |--------------------------------------------------------------------------
    | Counts And Caches
    |--------------------------------------------------------------------------
    |
    | For endpoints whose events name them: a subscription_count follows another
    | one of its channel no sooner than this many seconds later, and an empty
    | cache channel makes one cache_miss for all who subscribe within its ttl.
    |
    */

    'subscription_count_interval' => env('RESONATE_WEBHOOKS_SUBSCRIPTION_COUNT_INTERVAL', 5.0),

    'cache_miss_ttl' => env('RESONATE_WEBHOOKS_CACHE_MISS_TTL', 60.0),

    /*
    |--------------------------------------------------------------------------
    | Delivery
    |--------------------------------------------------------------------------
    |
    | A POST counts as failed unless a 2xx answer arrives within the timeout in
    | seconds, of which connecting may take only its own share. Once that many
    | attempts have been made the POST is given up, and kept as a dead letter.
    |
    */

    'max_attempts' => env('RESONATE_WEBHOOKS_MAX_ATTEMPTS', 5),

    'timeout' => env('RESONATE_WEBHOOKS_TIMEOUT', 10.0),

    'connect_timeout' => env('RESONATE_WEBHOOKS_CONNECT_TIMEOUT', 5.0),

    /*
    |--------------------------------------------------------------------------
    | Retries
    |--------------------------------------------------------------------------
    |
    | A retry window, in seconds from the first attempt, ends the retries even
    | when attempts are left; alone it decides once max_attempts is null. What
    | an endpoint asks for by Retry-After is respected up to this many seconds.
    | Else they wait 2, 4, 8 up to 60 seconds, or what a list names: [5, 300].
    |
    */

    'retry_for' => env('RESONATE_WEBHOOKS_RETRY_FOR'),

    'retry_after_max' => env('RESONATE_WEBHOOKS_RETRY_AFTER_MAX', 300.0),

    'backoff' => env('RESONATE_WEBHOOKS_BACKOFF', 'exponential'),

    /*
    |--------------------------------------------------------------------------
    | Network
    |--------------------------------------------------------------------------
    |
    | How endpoints are reached. Private networks are denied to the endpoints
    | of an EndpointProvider unless you say false, and to those below if you
    | say true. The proxy is only ever the one named here, by an http://,
    | https:// or socks5:// URL: never that of the environment.
    |
    */

    'https_only' => env('RESONATE_WEBHOOKS_HTTPS_ONLY', false),

    'proxy' => env('RESONATE_WEBHOOKS_PROXY'),

    'deny_private_networks' => env('RESONATE_WEBHOOKS_DENY_PRIVATE_NETWORKS'),

    'allow_link_local' => env('RESONATE_WEBHOOKS_ALLOW_LINK_LOCAL', false),

    /*
    |--------------------------------------------------------------------------
    | Limits
    |--------------------------------------------------------------------------
    |
    | What one POST may carry, how many events may wait in Redis for endpoints
    | which do not answer, and how many hook calls may queue up inside of this
    | process. Only client events are given up when that last queue is full.
    |
    */

    'batch_max_events' => env('RESONATE_WEBHOOKS_BATCH_MAX_EVENTS', 1000),

    'batch_max_bytes' => env('RESONATE_WEBHOOKS_BATCH_MAX_BYTES', 262144),

    'outbox_max_events' => env('RESONATE_WEBHOOKS_OUTBOX_MAX_EVENTS', 100000),

    'outbox_max_bytes' => env('RESONATE_WEBHOOKS_OUTBOX_MAX_BYTES'),

    'dead_letter_max' => env('RESONATE_WEBHOOKS_DEAD_LETTER_MAX', 10000),

    'dead_letter_max_per_endpoint' => env('RESONATE_WEBHOOKS_DEAD_LETTER_MAX_PER_ENDPOINT', 1000),

    'dead_letter_max_bytes' => env('RESONATE_WEBHOOKS_DEAD_LETTER_MAX_BYTES', 268435456),

    'dead_letter_days' => env('RESONATE_WEBHOOKS_DEAD_LETTER_DAYS', 7),

    'queue_size' => env('RESONATE_WEBHOOKS_QUEUE_SIZE', 65536),

    /*
    |--------------------------------------------------------------------------
    | Shutdown
    |--------------------------------------------------------------------------
    |
    | A stopping server goes on delivering for at most this many seconds. What
    | has not been delivered by then is waiting in Redis, where another node or
    | the next start of this one picks it up, so a short time loses nothing.
    |
    */

    'shutdown_timeout' => env('RESONATE_WEBHOOKS_SHUTDOWN_TIMEOUT', 5.0),

    /*
    |--------------------------------------------------------------------------
    | Metrics
    |--------------------------------------------------------------------------
    |
    | For Prometheus, and off by default: an address and port for each server
    | process, public ones only when allowed, and a route for the whole cluster.
    | Without a middleware of its own, that route has the gate of the dashboard.
    |
    */

    'metrics_listen' => env('RESONATE_WEBHOOKS_METRICS_LISTEN'),

    'metrics_public' => env('RESONATE_WEBHOOKS_METRICS_PUBLIC', false),

    'metrics_route' => env('RESONATE_WEBHOOKS_METRICS_ROUTE'),

    'metrics_middleware' => [],

    /*
    |--------------------------------------------------------------------------
    | Endpoints in a Database
    |--------------------------------------------------------------------------
    |
    | An application may bind an EndpointProvider, whose list then comes in the
    | place of the one below. It is asked when the server starts and after each
    | of these seconds, as are the applications for new secrets; 0 means never.
    |
    */

    'endpoints_refresh' => env('RESONATE_WEBHOOKS_ENDPOINTS_REFRESH', 30.0),

    /*
    |--------------------------------------------------------------------------
    | Previous Secrets
    |--------------------------------------------------------------------------
    |
    | Secrets that an application had before, by its id. While one stands here,
    | each webhook is also signed with it, so that receivers need not take over
    | the new secret at once. An entry may end: ['secret' => ..., 'until' => ..]
    |
    */

    'previous_secrets' => [
        // env('REVERB_APP_ID', '') => [env('REVERB_APP_PREVIOUS_SECRET')],
    ],

    /*
    |--------------------------------------------------------------------------
    | Dashboard
    |--------------------------------------------------------------------------
    |
    | A page that shows servers, endpoints and dead letters, in any application
    | of the cluster. Outside of the local environment it is for nobody, until
    | you define the gate "viewResonateWebhooks" to say who may look and act.
    |
    */

    'dashboard' => [
        'enabled' => env('RESONATE_WEBHOOKS_DASHBOARD_ENABLED', true),
        'path' => env('RESONATE_WEBHOOKS_DASHBOARD_PATH', 'resonate-webhooks'),
        'domain' => env('RESONATE_WEBHOOKS_DASHBOARD_DOMAIN'),
        'middleware' => ['web'],
    ],

    /*
    |--------------------------------------------------------------------------
    | Endpoints
    |--------------------------------------------------------------------------
    |
    | Who receives the webhooks. An endpoint gets the events of one application
    | or, with '*', of each of them, and among those only the ones it lists; it
    | gets those listed here when it lists none, and is skipped without a URL.
    |
    */

    'endpoints' => [
        // [
        //     'url' => env('RESONATE_WEBHOOK_URL'),
        //     'app_id' => '*',
        //     'events' => [
        //         'channel_occupied', 'channel_vacated',
        //         'member_added', 'member_removed', 'client_event',
        //         // Only when they are asked for:
        //         // 'connection_established', 'connection_terminated',
        //         // 'subscription_count', 'cache_miss',
        //         // 'order.*', which your application sends with Webhooks::send()
        //     ],
        //
        //     // Only if they differ from what is set above:
        //     'timeout' => 10.0, 'connect_timeout' => 5.0, 'max_attempts' => 5, 'retry_for' => 300,
        //     'https_only' => true, 'proxy' => false,
        //     'deny_private_networks' => true, 'allow_link_local' => false,
        //     'backoff' => [5, 30, 300], 'rate_limit' => 10,
        //
        //     // Which of these events, and how many in one POST:
        //     'filter' => ['channel_prefix' => 'presence-', 'client_events' => ['deny' => 'client-typing']],
        //     'batching' => ['duration' => 250, 'span' => 1.0, 'max_events' => 20],
        //
        //     // Also the id and time of each event, and more about members:
        //     'payload' => 'extended',
        //
        //     // A secret of its own, in place of the application's:
        //     'secret' => env('RESONATE_WEBHOOK_SECRET'), 'previous_secrets' => [],
        //
        //     // Beside the headers of the signature:
        //     'headers' => ['X-Tenant' => '7'],
        //
        //     // An authority of your own, and a certificate by which the receiver knows you:
        //     'ca_file' => storage_path('certs/ca.pem'),
        //     'client_cert' => storage_path('certs/client.crt'),
        //     'client_key' => storage_path('certs/client.key'),
        // ],
        // [
        //     // A function of AWS Lambda instead of a URL, with the credentials of the machine:
        //     'lambda' => ['function_name' => 'webhooks', 'region' => env('AWS_DEFAULT_REGION')],
        // ],
    ],

];
