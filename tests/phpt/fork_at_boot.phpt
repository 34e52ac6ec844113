--TEST--
A child that is forked while the parent's threads start can boot its own engine
--EXTENSIONS--
pcntl
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;

for ($run = 0; $run < 20; $run++) {
    $node = $cluster->run('usleep('.(150 * $run).');'.<<<'PHP'
        $child = pcntl_fork();
        if ($child === 0) {
            $own = new Webpatser\ResonateWebhooks\Native\Engine(['key_prefix' => 'child'] + $config);
            $own->boot();
            $own->registerApp('app', 'app-key', 'app-secret');
            $own->subscribed('app', 'of the child', '1.1');
            exit(0);
        }

        pcntl_waitpid($child, $status);
        echo pcntl_wexitstatus($status);
        PHP);

    if ([$node->out, $node->reason, $node->err] !== ['0', 'exit code 0', '']) {
        echo "run {$run}: {$node->out}, {$node->reason}, {$node->err}\n";
    }
}

echo substr_count($cluster->receiver->eventLines(), 'channel_occupied of the child'), " children told of their channel\n";
?>
--EXPECT--
20 children told of their channel
