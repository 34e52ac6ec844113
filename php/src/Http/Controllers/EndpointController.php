<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Http\Controllers;

use Illuminate\Contracts\View\View;
use Illuminate\Http\RedirectResponse;
use Webpatser\ResonateWebhooks\Events\Operation;
use Webpatser\ResonateWebhooks\Support\DashboardUrl;
use Webpatser\ResonateWebhooks\Support\HistoryCharts;

/**
 * Shows the history of endpoints, pauses and resumes them.
 */
class EndpointController extends DashboardController
{
    /**
     * Show the history of an endpoint.
     */
    public function show(): View
    {
        $endpoint = $this->endpoint();
        $history = fn (int $minutes, int $step) => HistoryCharts::ofEndpoint($this->cluster()->history([$endpoint['id']], $minutes, $step), $endpoint['id']);

        return view('resonate-webhooks::dashboard.endpoint', ['endpoint' => $endpoint, 'hour' => $history(60, 1), 'day' => $history(1440, 15)]);
    }

    /**
     * Ask for confirmation.
     */
    public function confirm(): View
    {
        $endpoint = $this->endpoint();
        $pause = $this->operation() !== Operation::Resume;

        return view('resonate-webhooks::dashboard.confirm', [
            'title' => $pause ? 'Pause this endpoint?' : 'Resume this endpoint?',
            'subjects' => [$endpoint],
            'explanation' => $pause
                ? 'Servers stop sending to it within two seconds. Its events wait, and their time limits for retries are suspended.'
                : 'Servers start sending to it within two seconds, including the events that have waited. Dead letters are not sent again.',
            'action' => DashboardUrl::to('endpoints.'.($pause ? 'pause' : 'resume')),
            'fields' => ['endpoint' => $endpoint['id']],
            'button' => $pause ? 'Pause' : 'Resume',
            'dangerous' => $pause,
            'back' => DashboardUrl::to('overview'),
        ]);
    }

    /**
     * Pause an endpoint.
     */
    public function pause(): RedirectResponse
    {
        $endpoint = $this->endpoint();

        return $this->redirectWithMessage('overview', $this->cluster()->pause($endpoint['id'])
            ? "{$endpoint['label']} is paused. Servers stop sending to it within two seconds; its events wait."
            : "{$endpoint['label']} is already paused.");
    }

    /**
     * Resume an endpoint.
     */
    public function resume(): RedirectResponse
    {
        $endpoint = $this->endpoint();

        return $this->redirectWithMessage('overview', $this->cluster()->resume($endpoint['id'])
            ? "{$endpoint['label']} is resumed. Servers start sending to it within two seconds."
            : "{$endpoint['label']} is neither paused nor disabled.");
    }

    /**
     * Get the endpoint of the request.
     *
     * @return array<string, mixed>
     */
    protected function endpoint(): array
    {
        return array_find($this->cluster()->endpoints(), fn (array $endpoint) => $endpoint['id'] === $this->field('endpoint')) ?? abort(404);
    }
}
