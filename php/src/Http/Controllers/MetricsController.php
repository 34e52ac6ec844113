<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Http\Controllers;

use Illuminate\Http\Response;
use Webpatser\ResonateWebhooks\Contracts\Cluster;
use Webpatser\ResonateWebhooks\Exceptions\ExtensionMissing;
use Webpatser\ResonateWebhooks\Exceptions\RedisFailed;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;

/**
 * Answers Prometheus for the whole cluster.
 */
class MetricsController
{
    /**
     * Show the metrics that the nodes have written to Redis, or let the scrape fail. Who scrapes is told no address, path or
     * setting; `check` has the details.
     */
    public function __invoke(Cluster $cluster): Response
    {
        try {
            return $this->text($cluster->metrics(), Response::HTTP_OK);
        } catch (WebhooksException $e) {
            $why = match (true) {
                $e instanceof ExtensionMissing => 'The PHP extension resonate_webhooks is not loaded in this PHP.',
                $e instanceof RedisFailed => 'Redis cannot be asked.',
                default => 'The config of the webhooks is refused.',
            };

            return $this->text("{$why} \"php artisan resonate-webhooks:check\" tells more.\n", Response::HTTP_SERVICE_UNAVAILABLE);
        }
    }

    private function text(string $text, int $status): Response
    {
        return new Response($text, $status, ['Content-Type' => 'text/plain; version=0.0.4; charset=utf-8']);
    }
}
