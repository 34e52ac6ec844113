<?php

return [

    /*
    |--------------------------------------------------------------------------
    | Redis Connection
    |--------------------------------------------------------------------------
    |
    | The Redis server through which the nodes decide edges and keep
    | undelivered events. Use the same server and database as your roster,
    | so that the cluster can distinguish a slow node from a dead one.
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
        'cluster' => env('RESONATE_WEBHOOKS_REDIS_CLUSTER'),
        'shards' => env('RESONATE_WEBHOOKS_REDIS_SHARDS'),
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
    | All Redis keys of this package start with this prefix. Every
    | node of a cluster must use the same prefix, and clusters
    | that share a Redis database must use different ones.
    |
    */

    'key_prefix' => env('RESONATE_WEBHOOKS_PREFIX', 'wh'),

    /*
    |--------------------------------------------------------------------------
    | Cluster Name
    |--------------------------------------------------------------------------
    |
    | Identifies this cluster, so that a node never works on the data of another
    | cluster with the same Redis and prefix. By default, the name is derived
    | from APP_NAME, APP_ENV, and a fingerprint of APP_KEY and its previous keys.
    |
    */

    'cluster_name' => env('RESONATE_WEBHOOKS_CLUSTER_NAME'),

    /*
    |--------------------------------------------------------------------------
    | Laravel Reverb
    |--------------------------------------------------------------------------
    |
    | Determines if "reverb:start" sends webhooks. When null, it does
    | as soon as an endpoint exists. Resonate ignores this setting:
    | it sends webhooks if its plugin is listed in config/reverb.php.
    |
    */

    'reverb' => env('RESONATE_WEBHOOKS_REVERB'),

    /*
    |--------------------------------------------------------------------------
    | Node Lease
    |--------------------------------------------------------------------------
    |
    | The number of seconds that a node may be silent before other nodes
    | consider it dead and announce the departure of its connections.
    | Each node renews its lease three times within this period.
    |
    */

    'ttl' => env('RESONATE_WEBHOOKS_TTL', 90),

    /*
    |--------------------------------------------------------------------------
    | Intervals
    |--------------------------------------------------------------------------
    |
    | Both are in seconds. Events within a flush interval may share one
    | POST; shorter intervals deliver sooner with more requests. Each node
    | compares its state with its connections once per reconcile interval.
    |
    */

    'flush_interval' => env('RESONATE_WEBHOOKS_FLUSH', 1.0),

    'reconcile_interval' => env('RESONATE_WEBHOOKS_RECONCILE', 30.0),

    /*
    |--------------------------------------------------------------------------
    | Ignored Channels
    |--------------------------------------------------------------------------
    |
    | Channels whose names start with one of these prefixes send
    | no webhooks. The Pusher protocol reserves "#" for internal
    | channels, for example the user session "#server-to-user-7".
    |
    */

    'ignore_channel_prefixes' => ['#'],

    /*
    |--------------------------------------------------------------------------
    | Departure Grace
    |--------------------------------------------------------------------------
    |
    | The number of seconds to wait before announcing a departure. A member
    | who returns within this period, on any node, triggers no webhooks.
    | Zero announces departures at once; Pusher waits for 3 seconds.
    |
    */

    'departure_grace' => env('RESONATE_WEBHOOKS_DEPARTURE_GRACE', 0.0),

    /*
    |--------------------------------------------------------------------------
    | Counts And Caches
    |--------------------------------------------------------------------------
    |
    | For endpoints that list these events: the minimum number of
    | seconds between subscription counts of a channel, and the period
    | within which an empty cache channel triggers only one cache_miss.
    |
    */

    'subscription_count_interval' => env('RESONATE_WEBHOOKS_SUBSCRIPTION_COUNT_INTERVAL', 5.0),

    'cache_miss_ttl' => env('RESONATE_WEBHOOKS_CACHE_MISS_TTL', 60.0),

    /*
    |--------------------------------------------------------------------------
    | Delivery
    |--------------------------------------------------------------------------
    |
    | A delivery fails without a 2xx response within the timeout, in
    | seconds. The connection must be made within its own timeout. After
    | the last of these attempts, the batch becomes a dead letter.
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
    | Retries end this many seconds after the first attempt, or after
    | max_attempts. A Retry-After header is respected up to its maximum.
    | The other waits double from 2 to 60 seconds, or are listed: [5, 300].
    | The first bytes of a failed answer are kept for you; 0 keeps none.
    |
    */

    'retry_for' => env('RESONATE_WEBHOOKS_RETRY_FOR'),

    'retry_after_max' => env('RESONATE_WEBHOOKS_RETRY_AFTER_MAX', 300.0),

    'backoff' => env('RESONATE_WEBHOOKS_BACKOFF', 'exponential'),

    'keep_answers' => env('RESONATE_WEBHOOKS_KEEP_ANSWERS', 512),

    /*
    |--------------------------------------------------------------------------
    | Network
    |--------------------------------------------------------------------------
    |
    | Private networks are denied only to endpoints of an EndpointProvider,
    | unless you set true or false for all. The proxy is an http://, https://,
    | or socks5:// URL; environment variables are never used as one.
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
    | The maximum size of a POST, of the undelivered events and dead letters
    | in Redis, and of the queue between the event loop and the threads of
    | this process. When that queue is full, only client events are dropped.
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
    | The number of seconds that a stopping server continues to deliver.
    | The remaining events stay in Redis, where another node or the next
    | start of this one continues, so a short timeout loses no events.
    |
    */

    'shutdown_timeout' => env('RESONATE_WEBHOOKS_SHUTDOWN_TIMEOUT', 5.0),

    /*
    |--------------------------------------------------------------------------
    | Metrics
    |--------------------------------------------------------------------------
    |
    | Prometheus metrics are off by default: an address and port for each
    | server process, and a route for the whole cluster. A public address must
    | be allowed. Without middleware, the route uses the gate of the dashboard.
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
    | If an EndpointProvider is bound, its endpoints replace those listed
    | below. Endpoints, applications, and secrets are loaded at the start
    | of a server and again after this many seconds; 0 never reloads them.
    |
    */

    'endpoints_refresh' => env('RESONATE_WEBHOOKS_ENDPOINTS_REFRESH', 30.0),

    /*
    |--------------------------------------------------------------------------
    | Previous Secrets
    |--------------------------------------------------------------------------
    |
    | The former secrets of an application, by its ID. Each webhook is also
    | signed with them, so that receivers can switch to the new secret
    | later. An entry may expire: ['secret' => ..., 'until' => ...].
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
    | The dashboard shows servers, endpoints, and dead letters in every
    | application of the cluster. Outside of the local environment, only
    | users allowed by the "viewResonateWebhooks" gate can open it.
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
    | Each endpoint receives the events of one application, or of
    | all with '*'. List the events it receives, or omit them for
    | the defaults shown here. Endpoints without a URL are skipped.
    |
    */

    'endpoints' => [
        // [
        //     'url' => env('RESONATE_WEBHOOK_URL'),
        //     'app_id' => '*',
        //     'events' => [
        //         'channel_occupied', 'channel_vacated',
        //         'member_added', 'member_removed', 'client_event',
        //         // Only if listed:
        //         // 'connection_established', 'connection_terminated',
        //         // 'subscription_count', 'cache_miss',
        //         // 'order.*', sent by your application with Webhooks::send()
        //     ],
        //
        //     // Overrides of the settings above:
        //     'timeout' => 10.0, 'connect_timeout' => 5.0, 'max_attempts' => 5, 'retry_for' => 300,
        //     'https_only' => true, 'proxy' => false,
        //     'deny_private_networks' => true, 'allow_link_local' => false,
        //     'backoff' => [5, 30, 300], 'rate_limit' => 10,
        //
        //     // Filters, and the size of a batch:
        //     'filter' => ['channel_prefix' => 'presence-', 'client_events' => ['deny' => 'client-typing']],
        //     'batching' => ['duration' => 250, 'span' => 1.0, 'max_events' => 20],
        //
        //     // Add the ID and time of each event, and details of members:
        //     'payload' => 'extended',
        //
        //     // A secret for this endpoint instead of the application's:
        //     'secret' => env('RESONATE_WEBHOOK_SECRET'), 'previous_secrets' => [],
        //
        //     // Additional request headers:
        //     'headers' => ['X-Tenant' => '7'],
        //
        //     // A private certificate authority, and a client certificate:
        //     'ca_file' => storage_path('certs/ca.pem'),
        //     'client_cert' => storage_path('certs/client.crt'),
        //     'client_key' => storage_path('certs/client.key'),
        // ],
        // [
        //     // An AWS Lambda function instead of a URL, with the machine's credentials:
        //     'lambda' => ['function_name' => 'webhooks', 'region' => env('AWS_DEFAULT_REGION')],
        // ],
        // [
        //     // A queue of this application, on Redis or SQS, for its workers:
        //     'queue' => 'webhooks', 'connection' => 'redis',
        // ],
    ],

];
