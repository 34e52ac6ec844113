--TEST--
In a forked child the engine does nothing and blocks nothing, while the parent continues to deliver
--EXTENSIONS--
pcntl
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;

$node = $cluster->run(<<<'PHP'
    $engine->subscribed('app', 'of the parent', '1.1');
    until('a delivery', fn () => $engine->stats()['batches_delivered'] > 0);

    $began = microtime(true);
    $child = pcntl_fork();

    if ($child === 0) {
        register_shutdown_function(fn () => $engine->closed('app', '1.1'));

        $engine->boot();
        $engine->registerApp('app', 'other-key', 'other-secret');
        $engine->subscribed('app', 'of the child', '2.1');
        $engine->clientEvent('app', 'of the parent', '1.1', '{"event":"client-x","channel":"of the parent"}');
        $engine->unsubscribed('app', 'of the parent', '1.1');
        $engine->reconcile('app', 'of the parent', []);
        echo json_encode([$engine->poll(), $engine->channels(0, 9), $engine->dirtyChannels()]), "\n";
        echo 'child left: ', $engine->shutdown(5000) ? 'nothing' : 'something', "\n";
        unset($engine);

        exit(7);
    }

    pcntl_waitpid($child, $status);
    echo 'child: exit code ', pcntl_wexitstatus($status), microtime(true) - $began < 0.5 ? ', at once' : ', late', "\n";

    $engine->subscribed('app', 'of the parent again', '1.1');
    exit(3);
    PHP);

echo $node->out, $node->reason, $node->err, "\n";
echo $cluster->receiver->eventLines();

$keys = array_map(fn ($request) => $request['headers']['x-pusher-key'], $cluster->receiver->requests());
echo 'signed for: ', implode(', ', array_unique($keys)), "\n";
?>
--EXPECT--
[[],[0,[]],[]]
child left: nothing
child: exit code 7, at once
exit code 3
channel_occupied of the parent
channel_vacated of the parent
channel_occupied of the parent again
channel_vacated of the parent again
signed for: app-key
