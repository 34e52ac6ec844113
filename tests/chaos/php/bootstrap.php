<?php

declare(strict_types=1);

/*
 * What the PHP nodes of a chaos run share. They read orders from stdin, and print what the engine without PHP prints in
 * tests/chaos/node.rs: `decided N`, `log ...`, and `left N` at their end.
 */

use Illuminate\Contracts\Foundation\Application;
use Illuminate\Log\Events\MessageLogged;
use Tests\Support\TestApplication;

require dirname(__DIR__, 2).'/php/bootstrap.php';

$autoload('Tests\\Chaos\\', __DIR__);

/**
 * Get the applications. A successor signs with its own configuration, so key and secret equal those of the nodes without PHP.
 *
 * @return list<array<string, mixed>>
 */
function applications(string $acceptClientEventsFrom = 'members'): array
{
    return array_map(
        fn (string $id) => ['key' => $id, 'secret' => 'secret'] + TestApplication::app($id, $acceptClientEventsFrom),
        ['alpha', 'beta'],
    );
}

/**
 * Print the log of an application.
 */
function printLog(Application $laravel): void
{
    $laravel['events']->listen(MessageLogged::class, static function (MessageLogged $logged): void {
        echo "log {$logged->level} {$logged->message}\n";
    });
}

// The hosts have different environments, which would be different clusters.
$webhooks = ['cluster_name' => 'chaos'] + json_decode($argv[1], true, flags: JSON_THROW_ON_ERROR);
