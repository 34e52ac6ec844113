<?php

declare(strict_types=1);

/*
 * The script of the `php -S` that a Site starts: a Laravel application with the dashboard, in the local environment.
 */

use Illuminate\Http\Request;
use Tests\Support\TestApplication;
use Tests\Support\WebSite;

require __DIR__.'/bootstrap.php';

$application = new TestApplication(json_decode((string) getenv('SITE_CONFIG'), true, flags: JSON_THROW_ON_ERROR));
$laravel = $application->laravel;

register_shutdown_function(static fn () => $application->remove());

$laravel['env'] = 'local';
config(['app.name' => 'Chat', 'session.driver' => 'file', 'session.files' => (string) getenv('SITE_SESSIONS')]);

WebSite::open($laravel, static fn () => null);

$laravel->handleRequest(Request::capture());
