<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Http\Controllers;

use Illuminate\Http\RedirectResponse;
use Symfony\Component\HttpFoundation\Response;
use Webpatser\ResonateWebhooks\Contracts\Cluster;
use Webpatser\ResonateWebhooks\Contracts\DeadLetters;
use Webpatser\ResonateWebhooks\Events\Operation;
use Webpatser\ResonateWebhooks\Exceptions\ExtensionMismatch;
use Webpatser\ResonateWebhooks\Exceptions\ExtensionMissing;
use Webpatser\ResonateWebhooks\Exceptions\InvalidConfig;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;
use Webpatser\ResonateWebhooks\Support\DashboardUrl;
use Webpatser\ResonateWebhooks\Support\Format;

/**
 * The base of the dashboard's controllers: access to the cluster, and an error page if the cluster is unavailable.
 */
abstract class DashboardController
{
    /**
     * Get the cluster. It is not injected, since the router may keep a controller for the next request.
     */
    protected function cluster(): Cluster
    {
        return app(Cluster::class);
    }

    /**
     * Get the dead letters.
     */
    protected function deadLetters(): DeadLetters
    {
        return app(DeadLetters::class);
    }

    /**
     * Execute an action on the controller, and show a page on errors.
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
     * Show why the dashboard is unavailable.
     */
    protected function unavailable(WebhooksException $e): Response
    {
        [$title, $advice] = match (true) {
            $e instanceof ExtensionMissing => ['The extension is not loaded', 'The dashboard needs the extension to read from Redis. Install it in the PHP that serves this page, as on the servers.'],
            $e instanceof ExtensionMismatch => ['The extension has another version', 'The dashboard needs the extension in the version of the Composer package, in the PHP that serves this page.'],
            $e instanceof InvalidConfig => ['The config is invalid', 'Correct config/resonate-webhooks.php. If the config is cached, run config:cache again.'],
            default => ['Redis is unavailable', 'This page cannot reach Redis. Servers have their own connections to it. Reload the page to try again.'],
        };

        return response()->view(
            request()->routeIs('*.live') ? 'resonate-webhooks::dashboard.partials.unavailable' : 'resonate-webhooks::dashboard.unavailable',
            ['title' => $title, 'advice' => $advice, 'message' => Format::sentence($e->getMessage())],
            503,
            // Tells the script of the page that the application itself is up.
            ['X-Resonate-Webhooks' => 'unavailable'],
        );
    }

    /**
     * Redirect to a page that shows a message.
     */
    protected function redirectWithMessage(string $route, string $message): RedirectResponse
    {
        // The redirector of Laravel would add scheme and host.
        return (new RedirectResponse(DashboardUrl::to($route)))->setSession(session()->driver())->with('resonate-webhooks-message', $message);
    }

    /**
     * Get a field of the request; an empty string if it is not a string.
     */
    protected function field(string $name): string
    {
        $value = request()->input($name);

        return is_string($value) ? $value : '';
    }

    /**
     * Get the operation of the request.
     */
    protected function operation(): ?Operation
    {
        return Operation::tryFrom($this->field('action'));
    }
}
