<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Hosts;

use Webpatser\Resonate\Plugins\PluginContext;
use Webpatser\Resonate\Protocols\Pusher\Contracts\ChannelManager;
use Webpatser\ResonateWebhooks\RosterSetup;

/**
 * Resonate.
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
     * Tell the engine where the roster's records are.
     *
     * @param  array<string, mixed>  $config
     * @return array<string, mixed>
     */
    public function settings(array $config): array
    {
        return ['roster' => RosterSetup::keys(...self::rosterSetup($config))];
    }

    /**
     * Warn about a Resonate that is newer than the tested ones, and about a roster that does not fit.
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
     * Get the configs by which the roster and the webhooks are set up.
     *
     * @param  array<string, mixed>  $config
     * @return array{array<int, class-string>, array<string, mixed>, array<string, mixed>}
     */
    private static function rosterSetup(array $config): array
    {
        return [(array) config('reverb.servers.reverb.plugins', []), (array) config('resonate-roster', []), $config];
    }

    /**
     * Keep what hangs on the context, secrets among it, out of dumps.
     *
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return [];
    }
}
