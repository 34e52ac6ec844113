<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Reverb;

use Laravel\Reverb\Contracts\ApplicationProvider;
use Webpatser\ResonateWebhooks\Hosts\Application;
use Webpatser\ResonateWebhooks\Hosts\Host;
use Webpatser\ResonateWebhooks\Hosts\HostRelease;

/**
 * Laravel Reverb.
 *
 * Channels and members come from a list of our own: Reverb's channel manager keeps the application that it was last asked
 * about, and a client event is looked up in that one.
 */
final readonly class ReverbHost implements Host
{
    /**
     * Create a new instance.
     *
     * @param  list<string>  $missing  The events that this application makes impossible, one sentence each.
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
     * Warn about a Reverb that is newer than the tested ones, and about what does not fit.
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
     * Get the applications, or none when the provider fails, which is reported when they are registered.
     *
     * @return iterable<object>
     */
    private function listed(): iterable
    {
        return rescue($this->applications(...), [], report: false);
    }

    /**
     * Keep the connections, whose applications have secrets, out of dumps.
     *
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return [];
    }
}
