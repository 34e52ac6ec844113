<?php

use Illuminate\Routing\Router;
use Webpatser\ResonateWebhooks\Http\Controllers\AssetController;
use Webpatser\ResonateWebhooks\Http\Controllers\DeadLetterController;
use Webpatser\ResonateWebhooks\Http\Controllers\EndpointController;
use Webpatser\ResonateWebhooks\Http\Controllers\OverviewController;
use Webpatser\ResonateWebhooks\Support\DeadLetterSearch;

/** @var Router $router */

// Names come first: the router indexes a route by name when the route is added.
$router->name('overview')->get('/', [OverviewController::class, 'index']);
$router->name('live')->get('/live', [OverviewController::class, 'live']);

$router->name('endpoints.show')->get('/endpoints/show', [EndpointController::class, 'show']);
$router->name('endpoints.confirm')->get('/endpoints/confirm', [EndpointController::class, 'confirm']);
$router->name('endpoints.pause')->post('/endpoints/pause', [EndpointController::class, 'pause']);
$router->name('endpoints.resume')->post('/endpoints/resume', [EndpointController::class, 'resume']);

$router->name('dead-letters')->get('/dead-letters', [DeadLetterController::class, 'index']);
$router->name('dead-letters.confirm')->get('/dead-letters/confirm', [DeadLetterController::class, 'confirm']);
$router->name('dead-letters.retry')->post('/dead-letters/retry', [DeadLetterController::class, 'retry']);
$router->name('dead-letters.forget')->post('/dead-letters/forget', [DeadLetterController::class, 'forget']);
$router->name('dead-letters.show')->get('/dead-letters/{id}', [DeadLetterController::class, 'show'])->where('id', DeadLetterSearch::ID);

$router->name('asset')->get('/assets/{file}', AssetController::class)->where('file', 'dashboard\.(css|js)');
