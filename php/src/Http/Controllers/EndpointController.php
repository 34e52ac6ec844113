<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Http\Controllers;

use Illuminate\Contracts\View\View;
use Illuminate\Http\RedirectResponse;
use Webpatser\ResonateWebhooks\Support\DashboardUrl;

/**
 * Pauses endpoints and has them go on.
 */
class EndpointController extends DashboardController
{
    /**
     * Ask before either.
     */
    public function confirm(): View
    {
        $endpoint = $this->endpoint();
        $pause = $this->field('action') !== 'resume';

        return view('resonate-webhooks::dashboard.confirm', [
            'title' => $pause ? 'Pause this endpoint?' : 'Have this endpoint go on?',
            'about' => [$endpoint],
            'explanation' => $pause
                ? 'Within two seconds no server sends anything more to it. Its events wait, and no time runs out for them.'
                : 'Within two seconds every server sends to it again: what has waited, and what comes. Events that were given up meanwhile are dead letters.',
            'action' => DashboardUrl::to('endpoints.'.($pause ? 'pause' : 'resume')),
            'fields' => ['endpoint' => $endpoint['id']],
            'button' => $pause ? 'Pause' : 'Resume',
            'dangerous' => $pause,
            'back' => DashboardUrl::to('overview'),
        ]);
    }

    /**
     * Have nothing more sent to an endpoint.
     */
    public function pause(): RedirectResponse
    {
        $endpoint = $this->endpoint();

        return $this->done('overview', $this->cluster()->pause($endpoint['id'])
            ? "{$endpoint['label']} is paused, on every server within two seconds. Its events wait."
            : "{$endpoint['label']} was paused already.");
    }

    /**
     * End a pause.
     */
    public function resume(): RedirectResponse
    {
        $endpoint = $this->endpoint();

        return $this->done('overview', $this->cluster()->resume($endpoint['id'])
            ? "{$endpoint['label']} goes on, on every server within two seconds."
            : "{$endpoint['label']} was neither paused nor disabled.");
    }

    /**
     * The endpoint that is meant.
     *
     * @return array<string, mixed>
     */
    protected function endpoint(): array
    {
        return array_find($this->cluster()->endpoints(), fn (array $endpoint) => $endpoint['id'] === $this->field('endpoint')) ?? abort(404);
    }
}
