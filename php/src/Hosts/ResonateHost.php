<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Hosts;

use Webpatser\Resonate\Plugins\PluginContext;
use Webpatser\Resonate\Protocols\Pusher\Contracts\ChannelManager;
use Webpatser\ResonateWebhooks\RosterSetup;

/**
 * Resonate as a host.
 */
final readonly class ResonateHost implements Host
{
    /**
     * Create a new instance.
     */
    public function __construct(private PluginContext $context, private ChannelManager $channels)
    {
        //
    }

    /**
     * {@inheritDoc}
     */
    public function applications(): iterable
    {
        return $this->context->applications();
    }

    /**
     * {@inheritDoc}
     */
    public function application(string $id): object
    {
        return $this->context->application($id);
    }

    /**
     * {@inheritDoc}
     */
    public function channels(Application $app): array
    {
        return $this->channels->for($app->source)->all();
    }

    /**
     * {@inheritDoc}
     */
    public function members(Application $app, string $channel): array
    {
        return $this->channels->for($app->source)->find($channel)?->connections() ?? [];
    }

    /**
     * Get the location of the roster's keys.
     *
     * @param  array<string, mixed>  $config
     * @return array<string, mixed>
     */
    public function settings(array $config): array
    {
        return ['roster' => RosterSetup::keys(...self::rosterSetup($config))];
    }

    /**
     * Get warnings about an untested Resonate, and about the setup of the roster.
     *
     * @param  array<string, mixed>  $config
     * @return list<string>
     */
    public function warnings(array $config): array
    {
        return array_values(array_filter([
            HostRelease::resonate()->warning(),
            ...array_column(RosterSetup::problems(...self::rosterSetup($config)), 'message'),
        ]));
    }

    /**
     * Get the configs of the plugins, the roster and the webhooks.
     *
     * @param  array<string, mixed>  $config
     * @return array{array<int, class-string>, array<string, mixed>, array<string, mixed>}
     */
    private static function rosterSetup(array $config): array
    {
        return [(array) config('reverb.servers.reverb.plugins', []), (array) config('resonate-roster', []), $config];
    }

    /**
     * Hide the context in dumps, since it refers to secrets.
     *
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return [];
    }
}
