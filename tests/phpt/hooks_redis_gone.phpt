--TEST--
Without Redis every hook returns at once, the log has one line, and the shutdown is bounded
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;

$node = $cluster->run(<<<'PHP'
    $began = microtime(true);

    for ($i = 0; $i < 10_000; $i++) {
        $engine->subscribed('app', 'private-'.($i % 50), "1.{$i}");
        $engine->clientEvent('app', 'private-'.($i % 50), "1.{$i}", '{"event":"client-x","channel":"private-'.($i % 50).'"}');
    }

    echo '20 000 hooks: ', microtime(true) - $began < 1 ? 'at once' : 'slow', "\n";

    $lines = [];
    until('more than one attempt to connect', function () use ($engine, &$lines) {
        array_push($lines, ...$engine->poll());

        return $engine->stats()['redis_errors'] > 1;
    });

    foreach ($lines as ['level' => $level, 'message' => $message]) {
        echo "{$level}: {$message}\n";
    }

    exit(3);
    PHP, ['shutdown_timeout' => 0.3, 'connection' => ['host' => $cluster->redis->socket.'-not-there']]);

echo $node->out, $node->reason, "\n", $node->err;
?>
--EXPECTF--
20 000 hooks: at once
%s: Redis at %s is %sevents wait
exit code 3
resonate_webhooks: the process ended with 0 events undelivered, 100 claims undecided, 0 intents unprocessed, 10000 client events lost: Redis did not accept them
