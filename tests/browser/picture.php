<?php

declare(strict_types=1);

/*
 * Takes the screenshots of docs/dashboard.md: two servers with traffic for a minute, and three endpoints: one that answers,
 * one that fails and one that is paused. The day before is made up. `php tests/browser/picture.php FOLDER [light|dark [WIDTH]]`
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

// A day of history: delivered, given up, failures by cause, latency. Busy in the afternoon, with an hour in which billing fails.
$add = static function (string $key, int $minute, int $width, array $numbers): void {
    $changes = array_map(fn (int $place, int $number) => ['INCRBY', 'u22', '#'.($minute % 60 * $width + $place), (string) $number], array_keys($numbers), $numbers);
    RedisServer::shared()->command('BITFIELD', "wh:{$key}", ...array_merge(...$changes));
};

mt_srand(7);

for ($ago = 1439; $ago > 1; $ago--) {
    $minute = intdiv(time(), 60) - $ago;
    $hour = intdiv($minute, 60);
    $busy = 1.2 + cos(($ago / 1440 - 0.1) * 2 * M_PI);
    $down = $ago > 200 && $ago < 260 || $ago > 20 && $ago < 26;
    $all = array_fill(0, 20, 0);

    foreach (['chat' => 60, 'billing' => 20, 'search' => 15] as $endpoint => $rate) {
        $sent = (int) ($busy * $rate * mt_rand(80, 120) / 100);
        $failed = $endpoint === 'billing' && $down ? (int) ($sent / 2) : 0;
        $numbers = [$sent - $failed, intdiv($failed, 4), 0, $failed, 0, intdiv($failed, 5), (int) ($sent * 0.4), (int) ($sent * 0.45), (int) ($sent * 0.1), 0, 0, (int) ($sent * 0.05), 0, 0, 0, $failed, 0, 0, 0, 0];
        $add("history:{$hour}:{$endpoint}", $minute, 20, $numbers);
        $all = array_map(fn (int $sum, int $number) => $sum + $number, $all, $numbers);
    }

    $add("history:{$hour}", $minute, 20, $all);
    $add("load:{$hour}", $minute, 6, [$all[0] * 150, $all[0] * 90, $all[0] * 120, mt_rand(0, 4), (int) ($busy * 900) + ($down ? 4000 : 0), $down ? mt_rand(200, 450) : mt_rand(2, 9)]);
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
