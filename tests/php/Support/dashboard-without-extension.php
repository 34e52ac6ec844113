<?php

declare(strict_types=1);

/*
 * Requests the pages of the dashboard in a PHP without the extension, and writes each response as a line of JSON.
 */

use Illuminate\Contracts\Http\Kernel;
use Illuminate\Http\Request;
use Tests\Support\TestApplication;
use Tests\Support\WebSite;

require dirname(__DIR__).'/bootstrap.php';

$application = new TestApplication(['endpoints' => []]);
$application->laravel['env'] = 'local';

WebSite::open($application->laravel, static fn () => null);

foreach (['', '/live', '/dead-letters', '/dead-letters/1-1', '/dead-letters/confirm?all=1', '/endpoints/confirm?endpoint=a', '/assets/dashboard.css'] as $path) {
    $answer = $application->laravel->make(Kernel::class)->handle(Request::create("/resonate-webhooks{$path}"));

    echo json_encode([$path, $answer->getStatusCode(), $answer->getContent()])."\n";
}

$application->remove();
