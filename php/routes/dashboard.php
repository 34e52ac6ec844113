<?php

use Illuminate\Support\Facades\Route;
use Webpatser\ResonateWebhooks\Dashboard\Controllers\AssetController;
use Webpatser\ResonateWebhooks\Dashboard\Controllers\DeadLetterController;
use Webpatser\ResonateWebhooks\Dashboard\Controllers\EndpointController;
use Webpatser\ResonateWebhooks\Dashboard\Controllers\OverviewController;

// Names come first: those that a route gets later are found only after the application has looked through all of them.
Route::name('overview')->get('/', [OverviewController::class, 'index']);
Route::name('live')->get('/live', [OverviewController::class, 'live']);

Route::name('endpoints.confirm')->get('/endpoints/confirm', [EndpointController::class, 'confirm']);
Route::name('endpoints.pause')->post('/endpoints/pause', [EndpointController::class, 'pause']);
Route::name('endpoints.resume')->post('/endpoints/resume', [EndpointController::class, 'resume']);

Route::name('dead-letters')->get('/dead-letters', [DeadLetterController::class, 'index']);
Route::name('dead-letters.confirm')->get('/dead-letters/confirm', [DeadLetterController::class, 'confirm']);
Route::name('dead-letters.retry')->post('/dead-letters/retry', [DeadLetterController::class, 'retry']);
Route::name('dead-letters.forget')->post('/dead-letters/forget', [DeadLetterController::class, 'forget']);
Route::name('dead-letters.show')->get('/dead-letters/{letter}', [DeadLetterController::class, 'show'])->where('letter', '\d+-\d+');

Route::name('asset')->get('/assets/{file}', AssetController::class)->where('file', 'dashboard\.(css|js)');
