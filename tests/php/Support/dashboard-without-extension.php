<?php

declare(strict_types=1);

/*
 * Asks for the dashboard in a PHP without the extension, and says what came: a line of JSON for each page.
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
