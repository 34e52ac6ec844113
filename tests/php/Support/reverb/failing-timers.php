<?php

declare(strict_types=1);

/*
 * A listener that throws, and an exception handler that fails once.
 */

use Illuminate\Contracts\Debug\ExceptionHandler;
use Illuminate\Contracts\Foundation\Application;
use Illuminate\Foundation\Exceptions\Handler;
use Webpatser\ResonateWebhooks\Events\WebhookDelivered;

return static function (Application $laravel): void {
    $laravel['events']->listen(WebhookDelivered::class, fn () => throw new RuntimeException('the listener failed'));
    $laravel->instance(ExceptionHandler::class, new class ($laravel) extends Handler
    {
        private int $reports = 0;

        public function report(Throwable $e): void
        {
            $this->reports++ === 0 && throw new RuntimeException('the exception handler failed');
        }
    });
};
