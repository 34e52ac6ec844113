<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Reverb;

use Laravel\Reverb\Contracts\ApplicationProvider;
use Webpatser\ResonateWebhooks\Hosts\Application;
use Webpatser\ResonateWebhooks\Hosts\Host;
use Webpatser\ResonateWebhooks\Hosts\HostRelease;

/**
 * Laravel Reverb as a host.
 *
 * Channels and members come from LiveChannels. Using Reverb's channel manager would change its current application, in which
 * Reverb looks up client events.
 */
final readonly class ReverbHost implements Host
{
    /**
     * Create a new instance.
     *
     * @param  list<string>  $missing  Warnings about events that cannot be sent in this application.
     */
    public function __construct(private ApplicationProvider $provider, private LiveChannels $channels, private array $missing = [])
    {
        //
    }

    /**
     * {@inheritDoc}
     */
    public function applications(): iterable
    {
        return $this->provider->all();
    }

    /**
     * {@inheritDoc}
     */
    public function application(string $id): object
    {
        return $this->provider->findById($id);
    }

    /**
     * {@inheritDoc}
     */
    public function channels(Application $app): array
    {
        return $this->channels->of($app->id);
    }

    /**
     * {@inheritDoc}
     */
    public function members(Application $app, string $channel): array
    {
        return $this->channels->members($app->id, $channel);
    }

    /**
     * Reverb has no roster.
     *
     * @param  array<string, mixed>  $config
     * @return array<string, mixed>
     */
    public function settings(array $config): array
    {
        return [];
    }

    /**
     * Get warnings about an untested Reverb, and about its setup.
     *
     * @param  array<string, mixed>  $config
     * @return list<string>
     */
    public function warnings(array $config): array
    {
        return array_values(array_filter([
            HostRelease::reverb()->warning(),
            ...array_column(ReverbSetup::problems($this->listed()), 'message'),
            ...$this->missing,
        ]));
    }

    /**
     * Get the applications; none if the provider fails, which is reported when they are registered.
     *
     * @return iterable<object>
     */
    private function listed(): iterable
    {
        return rescue($this->applications(...), [], report: false);
    }

    /**
     * Hide the connections in dumps, since their applications have secrets.
     *
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return [];
    }
}
