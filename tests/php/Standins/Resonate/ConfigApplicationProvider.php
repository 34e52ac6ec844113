<?php

declare(strict_types=1);

namespace Webpatser\Resonate;

use Illuminate\Support\Collection;
use Webpatser\Resonate\Contracts\ApplicationProvider;
use Webpatser\Resonate\Exceptions\InvalidApplication;

/**
 * Provides the applications in `reverb.apps.apps`. Like the real one, it returns new objects at every call.
 */
class ConfigApplicationProvider implements ApplicationProvider
{
    public function __construct(protected Collection $applications)
    {
        //
    }

    public function all(): Collection
    {
        return $this->applications->map($this->make(...));
    }

    public function findById(string $id): Application
    {
        return $this->first('app_id', $id);
    }

    public function findByKey(string $key): Application
    {
        return $this->first('key', $key);
    }

    protected function first(string $field, string $value): Application
    {
        return $this->make($this->applications->firstWhere($field, $value) ?? throw new InvalidApplication);
    }

    /**
     * @param  array<string, mixed>  $app
     */
    protected function make(array $app): Application
    {
        return new Application(
            (string) $app['app_id'],
            $app['key'],
            $app['secret'],
            $app['ping_interval'],
            $app['activity_timeout'] ?? 30,
            $app['allowed_origins'],
            $app['max_message_size'],
            acceptClientEventsFrom: $app['accept_client_events_from'] ?? 'all',
        );
    }
}
