<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Http\Controllers;

use Illuminate\Contracts\View\View;

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
        $status = $this->cluster()->status();

        return ['status' => $status, 'now' => $status['time_ms'], 'endpoints' => $status['endpoints']];
    }
}
