<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Http\Controllers;

use Illuminate\Http\Response;
use Webpatser\ResonateWebhooks\Contracts\Cluster;
use Webpatser\ResonateWebhooks\Exceptions\ExtensionMismatch;
use Webpatser\ResonateWebhooks\Exceptions\ExtensionMissing;
use Webpatser\ResonateWebhooks\Exceptions\RedisFailed;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;

/**
 * Serves the metrics of the whole cluster to Prometheus.
 */
class MetricsController
{
    /**
     * Show the metrics, or fail the scrape with a reason that reveals no address, path or setting.
     */
    public function __invoke(Cluster $cluster): Response
    {
        try {
            return $this->text($cluster->metrics(), Response::HTTP_OK);
        } catch (WebhooksException $e) {
            $reason = match (true) {
                $e instanceof ExtensionMissing => 'The PHP extension resonate_webhooks is not loaded in the '.PHP_SAPI.' SAPI.',
                $e instanceof ExtensionMismatch => 'The PHP extension resonate_webhooks has another version than the Composer package.',
                $e instanceof RedisFailed => 'Redis is unavailable.',
                default => 'The config is invalid.',
            };

            return $this->text("{$reason} Run \"php artisan resonate-webhooks:check\" for details.\n", Response::HTTP_SERVICE_UNAVAILABLE);
        }
    }

    /**
     * Create a response in the text format of Prometheus.
     */
    private function text(string $text, int $status): Response
    {
        return new Response($text, $status, ['Content-Type' => 'text/plain; version=0.0.4; charset=utf-8']);
    }
}
