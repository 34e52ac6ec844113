<?php

declare(strict_types=1);

/*
 * Connects `count` clients to `port`, both from a line of JSON, and keeps them until its stdin ends.
 */

['port' => $port, 'count' => $count] = json_decode((string) fgets(STDIN), true, flags: JSON_THROW_ON_ERROR);

$clients = [];

while (count($clients) < $count && ($client = @stream_socket_client("tcp://127.0.0.1:{$port}")) !== false) {
    $clients[] = $client;
}

echo count($clients)."\n";

fgets(STDIN);
