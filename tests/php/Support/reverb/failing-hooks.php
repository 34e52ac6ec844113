<?php

declare(strict_types=1);

/*
 * An application whose secret cannot be read once it is up, so that the hook of a subscription fails.
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
            return $this->provider->all();
        }

        public function findById(string $id): ReverbApplication
        {
            return $this->provider->findById($id);
        }

        public function findByKey(string $key): ReverbApplication
        {
            return new class ($this->provider->findByKey($key)) extends ReverbApplication
            {
                public function __construct(private ReverbApplication $application)
                {
                    $this->id = $application->id();
                    $this->acceptClientEventsFrom = $application->acceptClientEventsFrom();
                }

                public function key(): string
                {
                    return $this->application->key();
                }

                public function secret(): string
                {
                    throw new RuntimeException('the vault is sealed');
                }
            };
        }
    });
};
