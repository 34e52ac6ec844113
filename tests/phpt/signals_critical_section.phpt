--TEST--
A signal that PHP blocks temporarily waits for PHP, and is not delivered to a thread of the extension
--EXTENSIONS--
pcntl
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;

$node = $cluster->node(<<<'PHP'
    pcntl_async_signals(true);
    pcntl_signal(SIGTERM, function () use ($engine) {
        echo "handler\n";
        $engine->subscribed('app', 'from the handler', '1.2');
        exit(5);
    });

    $engine->subscribed('app', 'a', '1.1');
    pcntl_sigprocmask(SIG_BLOCK, [SIGTERM]);
    echo "critical section\n";

    fgets(STDIN);
    echo "still in the critical section\n";
    pcntl_sigprocmask(SIG_UNBLOCK, [SIGTERM]);

    until('the handler', fn () => false);
    PHP);

$node->awaitLine('critical section');
$node->signal(SIGTERM);
$node->writeLine('go on');
$ended = $node->end();

echo $ended->reason, $ended->err, "\n", $ended->out;
echo $cluster->receiver->eventLines();
?>
--EXPECT--
exit code 5
critical section
still in the critical section
handler
channel_occupied a
channel_vacated a
channel_occupied from the handler
channel_vacated from the handler
