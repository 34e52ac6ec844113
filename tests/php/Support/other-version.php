<?php

declare(strict_types=1);

/*
 * A server whose Composer package has the version of the first argument. Prints the log and the result of the check command.
 */

use Tests\Support\Artisan;
use Tests\Support\FakeServer;
use Tests\Support\TestApplication;
use Webpatser\ResonateWebhooks\Extension;

require dirname(__DIR__).'/bootstrap.php';

// The class as it is in a release with that version.
$source = file_get_contents(dirname(__DIR__, 3).'/php/src/Extension.php');
eval(str_replace("VERSION = '0.1.0'", "VERSION = '{$argv[1]}'", substr($source, strlen('<?php')), $times));
assert($times === 1 && Extension::VERSION === $argv[1]);

$application = new TestApplication(['endpoints' => []]);
(new FakeServer($application->laravel))->connect()->join('presence-room', 7);
echo implode("\n", $application->log())."\n";
$application->remove();

$artisan = new Artisan(['endpoints' => []]);
[$code, $output] = $artisan->call('check');
echo "exit code {$code}\n{$output}\n";
$artisan->remove();
