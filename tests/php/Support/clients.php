<?php

declare(strict_types=1);

/*
 * Clients that connect and stay, `count` of them to `port`, both as JSON in a line. Ends with its stdin.
 */

['port' => $port, 'count' => $count] = json_decode((string) fgets(STDIN), true, flags: JSON_THROW_ON_ERROR);

$clients = [];

while (count($clients) < $count && ($client = @stream_socket_client("tcp://127.0.0.1:{$port}")) !== false) {
    $clients[] = $client;
}

echo count($clients)."\n";

fgets(STDIN);
