<?php

declare(strict_types=1);

/*
 * A provider that finds an application by its key, but fails to list all applications.
 */

use Illuminate\Contracts\Foundation\Application;
use Illuminate\Support\Collection;
use Laravel\Reverb\Application as ReverbApplication;
use Laravel\Reverb\Contracts\ApplicationProvider;

return static function (Application $laravel): void {
    $laravel->extend(ApplicationProvider::class, fn (ApplicationProvider $provider) => new class ($provider) implements ApplicationProvider
    {
        public function __construct(private ApplicationProvider $provider)
        {
            //
        }

        public function all(): Collection
        {
            throw new RuntimeException('the database is away');
        }

        public function findById(string $id): ReverbApplication
        {
            return $this->provider->findById($id);
        }

        public function findByKey(string $key): ReverbApplication
        {
            return $this->provider->findByKey($key);
        }
    });
};
