<?php

declare(strict_types=1);

use Illuminate\Contracts\Foundation\Application;
use Psr\Log\AbstractLogger;

return static function (Application $laravel): void {
    $laravel->instance('log', new class extends AbstractLogger
    {
        public function log($level, $message, array $context = []): void
        {
            throw new RuntimeException('the disk is full');
        }
    });
};
