<?php

declare(strict_types=1);

/*
 * Endpoints in a database that is unavailable when the server starts.
 */

use Illuminate\Contracts\Foundation\Application;
use Webpatser\ResonateWebhooks\Contracts\EndpointProvider;

return static function (Application $laravel): void {
    $laravel->instance(EndpointProvider::class, new class (config('resonate-webhooks.endpoints')) implements EndpointProvider
    {
        private int $asked = 0;

        /**
         * @param  array<mixed>  $endpoints
         */
        public function __construct(private array $endpoints)
        {
            //
        }

        public function endpoints(): iterable
        {
            return $this->asked++ === 0 ? throw new RuntimeException('the database is away') : $this->endpoints;
        }
    });
};
