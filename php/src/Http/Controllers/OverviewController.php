<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Http\Controllers;

use Illuminate\Contracts\View\View;
use Webpatser\ResonateWebhooks\Support\HistoryCharts;
use Webpatser\ResonateWebhooks\Support\NodeState;

/**
 * Shows servers, endpoints, lanes and channels.
 */
class OverviewController extends DashboardController
{
    /**
     * Show the page.
     */
    public function index(): View
    {
        return view('resonate-webhooks::dashboard.overview', $this->data());
    }

    /**
     * Show the part of the page that its script refreshes.
     */
    public function live(): View
    {
        return view('resonate-webhooks::dashboard.live', $this->data());
    }

    /**
     * Get the data of the views.
     *
     * @return array<string, mixed>
     */
    protected function data(): array
    {
        $cluster = $this->cluster();
        $status = $cluster->status();
        $unknown = NodeState::unknown($status);

        if ($unknown !== null) {
            return ['status' => $status, 'unknown' => $unknown];
        }

        $history = $cluster->history(array_column($status['endpoints'], 'id'));

        return [
            'status' => $status, 'unknown' => null, 'now' => $status['time_ms'], 'endpoints' => $status['endpoints'], 'history' => $history,
            'hour' => HistoryCharts::ofAll($history), 'day' => HistoryCharts::ofAll($cluster->history([], 1440, 15)),
        ];
    }
}
