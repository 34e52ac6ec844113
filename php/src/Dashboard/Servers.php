<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Dashboard;

use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;
use Webpatser\ResonateWebhooks\Native\Cluster;
use Webpatser\ResonateWebhooks\Native\DeadLetters;
use Webpatser\ResonateWebhooks\Settings;

/**
 * The way to what the servers have left in Redis; one connection of each kind, however often it is asked.
 */
class Servers
{
    private ?Cluster $cluster = null;

    private ?DeadLetters $letters = null;

    /**
     * The servers with the config of this application.
     *
     * @throws WebhooksException
     */
    public function cluster(): Cluster
    {
        $settings = Settings::forExtension();

        return $this->cluster ??= new Cluster($settings);
    }

    /**
     * The webhooks that were given up.
     *
     * @throws WebhooksException
     */
    public function letters(): DeadLetters
    {
        $settings = Settings::forExtension();

        return $this->letters ??= new DeadLetters($settings);
    }
}
