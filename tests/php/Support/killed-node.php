<?php

declare(strict_types=1);

/*
 * Kills a node, so that its application folder stays, and waits for the end of stdin.
 */

use Tests\Support\Node;
use Tests\Support\RedisServer;

require dirname(__DIR__).'/bootstrap.php';

(new Node(['connection' => RedisServer::shared()->connection(), 'endpoints' => []]))->kill();

echo "the node was killed\n";

fgets(STDIN);
