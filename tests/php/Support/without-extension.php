<?php

declare(strict_types=1);

/*
 * A server in a PHP without the extension. Writes the subscriptions of its client, the exceptions of
 * plugins, the number of lines in the log, and if that line names the extension.
 */

use Tests\Support\FakeServer;
use Tests\Support\TestApplication;

require dirname(__DIR__).'/bootstrap.php';

$application = new TestApplication(['endpoints' => []]);
$server = new FakeServer($application->laravel);

$client = $server->connect()->join('presence-room', 7)->whisper('presence-room', 'client-a');
$subscriptions = array_column($client->received('pusher_internal:subscription_succeeded'), 'channel');
$client->unsubscribe('presence-room')->close();

$log = $application->log();

echo json_encode($subscriptions)."\n";
echo json_encode($server->pluginErrors())."\n";
echo count($log)."\n";
echo (preg_match('/^ERROR: Resonate webhooks are off: (the PHP extension \w+ is not loaded) /', $log[0] ?? '', $match) === 1 ? $match[1] : 'no')."\n";

$application->remove();
