<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Metrics;

use Illuminate\Contracts\Config\Repository;
use Illuminate\Http\Response;
use Webpatser\ResonateWebhooks\Exceptions\RedisFailed;
use Webpatser\ResonateWebhooks\Native\Cluster;

/**
 * Tells Prometheus how the whole cluster is doing.
 */
class MetricsController
{
    /**
     * Show the metrics that the nodes have written to Redis; without Redis the scrape has to fail.
     */
    public function __invoke(Repository $config): Response
    {
        try {
            return $this->text((new Cluster($config->get('resonate-webhooks')))->metrics(), Response::HTTP_OK);
        } catch (RedisFailed $failure) {
            return $this->text("{$failure->getMessage()}\n", Response::HTTP_SERVICE_UNAVAILABLE);
        }
    }

    private function text(string $text, int $status): Response
    {
        return new Response($text, $status, ['Content-Type' => 'text/plain; version=0.0.4; charset=utf-8']);
    }
}
