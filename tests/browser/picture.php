<?php

declare(strict_types=1);

/*
 * Takes the screenshots of docs/dashboard.md: two servers with traffic for a minute, and three endpoints: one that answers,
 * one that fails and one that is paused. `php tests/browser/picture.php FOLDER [light|dark [WIDTH]]`
 */

use Tests\Browser\Browser;
use Tests\Browser\Site;
use Tests\Support\Node;
use Tests\Support\Receiver;
use Tests\Support\RedisServer;
use Tests\Support\Wait;
use Webpatser\ResonateWebhooks\Native\Cluster;

require __DIR__.'/bootstrap.php';

[, $folder, $scheme, $width] = $argv + [2 => 'light', 3 => '1280'];

$config = [
    'connection' => RedisServer::shared()->connection(),
    'flush_interval' => 0.25,
    'max_attempts' => 2,
    'endpoints' => [
        'chat' => ['url' => Receiver::shared()->url('/chat'), 'name' => 'Chat history'],
        'billing' => ['url' => Receiver::shared()->url('/flaky/25/billing'), 'name' => 'Billing', 'events' => ['channel_occupied', 'channel_vacated']],
        'search' => ['url' => Receiver::shared()->url('/search'), 'name' => 'Search index', 'filter' => ['channel_prefix' => 'presence-1']],
    ],
];
$nodes = [new Node($config), new Node($config)];

foreach ($nodes as $node) {
    $node->command(null, 'traffic');
}

$site = new Site($config);
$browser = (new Browser((int) $width, scheme: $scheme))->visit($site->url());
(new Cluster($config))->pause('search');
Wait::pause((float) (getenv('SECONDS_SEEN') ?: 60));

file_put_contents("{$folder}/overview-{$scheme}-{$width}.png", $browser->picture());
file_put_contents("{$folder}/dead-letters-{$scheme}-{$width}.png", $browser->visit($site->url('/dead-letters'))->picture());
$browser->run('document.querySelector("tbody a")?.click()');
Wait::pause(1.5);
file_put_contents("{$folder}/dead-letter-{$scheme}-{$width}.png", $browser->picture());
file_put_contents("{$folder}/confirm-{$scheme}-{$width}.png", $browser->visit($site->url('/endpoints/confirm?action=pause&endpoint=chat'))->picture());
