<?php

declare(strict_types=1);

namespace Laravel\Reverb;

use Illuminate\Support\Collection;
use Laravel\Reverb\Contracts\ApplicationProvider;
use Laravel\Reverb\Exceptions\InvalidApplication;

/**
 * Provides the applications in `reverb.apps.apps`. Like the real one, it returns new objects at every call.
 */
class ConfigApplicationProvider implements ApplicationProvider
{
    public function all(): Collection
    {
        return collect(config('reverb.apps.apps'))->map($this->make(...));
    }

    public function findById(string $id): Application
    {
        return $this->first('app_id', $id);
    }

    public function findByKey(string $key): Application
    {
        return $this->first('key', $key);
    }

    private function first(string $field, string $value): Application
    {
        return $this->make(collect(config('reverb.apps.apps'))->firstWhere($field, $value) ?? throw new InvalidApplication);
    }

    /**
     * @param  array<string, mixed>  $app
     */
    private function make(array $app): Application
    {
        return new Application((string) $app['app_id'], $app['key'], $app['secret'], $app['accept_client_events_from'] ?? 'all');
    }
}
