--TEST--
A child ends at once even if the parent's threads are stuck
--EXTENSIONS--
pcntl
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;

$node = $cluster->node(<<<'PHP'
    $engine->subscribed('app', 'a', '1.1');
    until('the request to be under way', fn () => $engine->stats()['attempts'] > 0);
    echo "ready\n";
    fgets(STDIN);
    $engine->subscribed('app', 'b', '1.1');

    $began = microtime(true);
    $child = pcntl_fork();
    if ($child === 0) {
        throw new Exception('of the child');
    }

    pcntl_waitpid($child, $status);
    echo 'child: exit code ', pcntl_wexitstatus($status), microtime(true) - $began < 1.5 ? ', at once' : ', late', "\n";
    echo 'threads of the parent: ', count(glob('/proc/self/task/*')) > 1 ? 'alive' : 'gone', "\n";
    exit(3);
    PHP, ['shutdown_timeout' => 1.5, 'endpoints' => [['url' => $cluster->receiver->url('/hang')]]]);

$node->awaitLine('ready');
$cluster->redis->freeze();
$node->writeLine('go on');
$ended = $node->end();
$cluster->redis->thaw();

echo $ended->out, $ended->reason, "\n";
echo substr_count($ended->err, 'of the child'), ' exception, ', substr_count($ended->err, 'the process ended with'), " process had something left\n";
?>
--EXPECT--
ready
child: exit code 255, at once
threads of the parent: alive
exit code 3
1 exception, 1 process had something left
