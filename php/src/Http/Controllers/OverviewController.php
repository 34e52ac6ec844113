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
     * The whole page.
     */
    public function index(): View
    {
        return view('resonate-webhooks::dashboard.overview', $this->content());
    }

    /**
     * The part of it that the page's script asks for again and again.
     */
    public function live(): View
    {
        return view('resonate-webhooks::dashboard.live', $this->content());
    }

    /**
     * What both show.
     *
     * @return array<string, mixed>
     */
    protected function content(): array
    {
        $status = $this->cluster()->status();

        return ['status' => $status, 'now' => $status['time_ms'], 'endpoints' => $status['endpoints']];
    }
}
