<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Http\Controllers;

use Illuminate\Http\RedirectResponse;
use Symfony\Component\HttpFoundation\Response;
use Webpatser\ResonateWebhooks\Contracts\Cluster;
use Webpatser\ResonateWebhooks\Contracts\DeadLetters;
use Webpatser\ResonateWebhooks\Exceptions\ExtensionMissing;
use Webpatser\ResonateWebhooks\Exceptions\InvalidConfig;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;
use Webpatser\ResonateWebhooks\Support\DashboardUrl;

/**
 * What the pages share: the cluster, its dead letters, and a page that says why neither can be shown.
 */
abstract class DashboardController
{
    /**
     * The cluster; not injected, for the router may keep a controller for the next request.
     */
    protected function cluster(): Cluster
    {
        return app(Cluster::class);
    }

    /**
     * The dead letters.
     */
    protected function deadLetters(): DeadLetters
    {
        return app(DeadLetters::class);
    }

    /**
     * Execute an action on the controller; the router calls it, and never sees what is answered here.
     *
     * @param  array<string, mixed>  $parameters
     */
    public function callAction(string $method, array $parameters): mixed
    {
        try {
            return $this->{$method}(...array_values($parameters));
        } catch (WebhooksException $e) {
            return $this->unavailable($e);
        }
    }

    /**
     * Say why nothing can be shown or done.
     */
    protected function unavailable(WebhooksException $e): Response
    {
        [$title, $advice] = match (true) {
            $e instanceof ExtensionMissing => ['The extension is missing here', 'The page asks Redis by means of the extension, so the PHP that serves it needs it too, like the servers.'],
            $e instanceof InvalidConfig => ['The config is refused', 'Correct config/resonate-webhooks.php; after config:cache, cache it again.'],
            default => ['Redis cannot be asked', 'What the servers do with Redis, and what waits in it, is not touched by that. This page asks again when it is loaded.'],
        };

        return response()->view(
            request()->routeIs('*.live') ? 'resonate-webhooks::dashboard.partials.unavailable' : 'resonate-webhooks::dashboard.unavailable',
            ['title' => $title, 'advice' => $advice, 'message' => ($e instanceof InvalidConfig ? $e->getMessage() : ucfirst($e->getMessage())).'.'],
            503,
            // By this the page's script knows it from an application that is down.
            ['X-Resonate-Webhooks' => 'unavailable'],
        );
    }

    /**
     * Go to a page and say there what was done, or that nothing was.
     */
    protected function done(string $route, string $what): RedirectResponse
    {
        // Laravel's redirector would add scheme and host.
        return (new RedirectResponse(DashboardUrl::to($route)))->setSession(session()->driver())->with('resonate-webhooks-done', $what);
    }

    /**
     * A field of the request, if it is text.
     */
    protected function field(string $name): string
    {
        $value = request()->input($name);

        return is_string($value) ? $value : '';
    }
}
