<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Dashboard;

use Illuminate\Contracts\Config\Repository;
use Webpatser\ResonateWebhooks\AppWebhooks;
use Webpatser\ResonateWebhooks\Exceptions\ExtensionMissing;
use Webpatser\ResonateWebhooks\Exceptions\InvalidConfig;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;
use Webpatser\ResonateWebhooks\Native\Cluster;
use Webpatser\ResonateWebhooks\Native\DeadLetters;

/**
 * The way to what the servers have left in Redis; one connection of each kind, however often it is asked.
 */
class Servers
{
    private ?Cluster $cluster = null;

    private ?DeadLetters $letters = null;

    public function __construct(private readonly Repository $config)
    {
        //
    }

    /**
     * The servers with the config of this application.
     *
     * @throws WebhooksException
     */
    public function cluster(): Cluster
    {
        // PHP would look for the class before it asked for the config, and say nothing of an extension.
        $settings = $this->settings();

        return $this->cluster ??= new Cluster($settings);
    }

    /**
     * The webhooks that were given up.
     *
     * @throws WebhooksException
     */
    public function letters(): DeadLetters
    {
        $settings = $this->settings();

        return $this->letters ??= new DeadLetters($settings);
    }

    /**
     * The config, with the endpoints that applications bring along.
     *
     * @return array<string, mixed>
     *
     * @throws WebhooksException
     */
    protected function settings(): array
    {
        if (! extension_loaded('resonate_webhooks')) {
            throw ExtensionMissing::fromThisProcess();
        }

        $config = $this->config->get('resonate-webhooks', []);

        if (! is_array($config)) {
            throw new InvalidConfig('resonate-webhooks: the config must be an array');
        }

        return $config + ['app_webhooks' => AppWebhooks::of($this->config->get('reverb.apps.apps'))];
    }
}
