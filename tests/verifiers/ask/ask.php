<?php

declare(strict_types=1);

/*
 * Runs a function of docs/receiving.md on webhooks: reads one JSON object per line, and prints one per line.
 */

require $argv[1];

while (($line = fgets(STDIN)) !== false) {
    ['headers' => $headers, 'body' => $body, 'secrets' => $secrets] = json_decode($line, true, flags: JSON_THROW_ON_ERROR);
    $events = webhook_events($headers, base64_decode($body, strict: true), $secrets);

    echo json_encode($events, JSON_THROW_ON_ERROR), "\n";
}
