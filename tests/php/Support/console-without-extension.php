<?php

declare(strict_types=1);

/*
 * Runs every command in a PHP without the extension, and writes each result as a line of JSON.
 */

use Tests\Support\Artisan;

require dirname(__DIR__).'/bootstrap.php';

$artisan = new Artisan(['endpoints' => []]);
$arguments = ['forget' => ['id' => ['1']], 'pause' => ['endpoint' => 'a'], 'resume' => ['endpoint' => 'a'], 'retry' => ['id' => ['1']], 'show' => ['id' => '1']];

foreach (['adopt', 'check', 'failed', 'flush', 'forget', 'pause', 'resume', 'retry', 'show', 'status', 'test', 'watch'] as $command) {
    echo json_encode([$command, ...$artisan->call($command, $arguments[$command] ?? [])])."\n";
}

$artisan->remove();
