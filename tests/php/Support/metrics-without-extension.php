<?php

declare(strict_types=1);

/*
 * Requests the metrics in a PHP without the extension, and writes the response as a line of JSON.
 */

use Illuminate\Contracts\Http\Kernel;
use Illuminate\Http\Request;
use Tests\Support\TestApplication;
use Tests\Support\WebSite;

require dirname(__DIR__).'/bootstrap.php';

$application = new TestApplication(['endpoints' => [], 'metrics_route' => '/metrics']);
$application->laravel['env'] = 'local';

WebSite::open($application->laravel, static fn () => null);

$answer = $application->laravel->make(Kernel::class)->handle(Request::create('/metrics'));

echo json_encode([$answer->getStatusCode(), $answer->getContent()])."\n";

$application->remove();
