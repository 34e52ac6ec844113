--TEST--
Every child that is forked under traffic ends, whichever locks the threads hold at the fork
--EXTENSIONS--
pcntl
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;

$node = $cluster->run(<<<'PHP'
    $codes = [];

    for ($round = 0; $round < 60; $round++) {
        for ($i = 0; $i < 500; $i++) {
            $engine->subscribed('app', "channel-{$i}", "{$round}.{$i}");
            $engine->closed('app', "{$round}.{$i}");
        }

        $child = pcntl_fork();

        if ($child === 0) {
            $engine->subscribed('app', 'of a child', '1.1');
            $engine->stats();
            $engine->poll();
            exit($round % 7);
        }

        pcntl_waitpid($child, $status);
        $codes[] = pcntl_wifexited($status) && pcntl_wexitstatus($status) === $round % 7;
    }

    echo count(array_filter($codes)), " children ended\n";
    echo $engine->stats()['thread_panics'], " panics\n";
    exit(0);
    PHP, ['endpoints' => [['url' => $cluster->receiver->url('/'), 'events' => ['member_added']]]]);

echo $node->out, $node->reason, $node->err, "\n";
echo count($cluster->receiver->events()), " events of children\n";
?>
--EXPECT--
60 children ended
0 panics
exit code 0
0 events of children
