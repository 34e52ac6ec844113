--TEST--
A forked child can boot its own engine, created before or after the fork
--EXTENSIONS--
pcntl
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;

$node = $cluster->run(<<<'PHP'
    use Webpatser\ResonateWebhooks\Native\Engine;

    $engine->subscribed('app', 'of the parent', '1.1');
    // Each engine is a separate cluster.
    $unbooted = new Engine(['key_prefix' => 'before'] + $config);

    $child = pcntl_fork();
    if ($child === 0) {
        foreach (['made before' => $unbooted, 'made after' => new Engine(['key_prefix' => 'after'] + $config)] as $which => $own) {
            $own->boot();
            $own->registerApp('app', 'app-key', 'app-secret');
            $own->subscribed('app', "{$which} the fork", '1.1');
        }
        exit(0);
    }

    pcntl_waitpid($child, $status);
    echo 'child: exit code ', pcntl_wexitstatus($status), "\n";
    PHP);

echo $node->out, $node->reason, $node->err, "\n";
echo $cluster->receiver->eventLines();
?>
--EXPECT--
child: exit code 0
exit code 0
channel_occupied made after the fork
channel_vacated made after the fork
channel_occupied made before the fork
channel_vacated made before the fork
channel_occupied of the parent
channel_vacated of the parent
