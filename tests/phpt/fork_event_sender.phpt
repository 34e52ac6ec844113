--TEST--
A forked child sends events over its own connection and does not disturb the parent's
--EXTENSIONS--
pcntl
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;

$node = $cluster->run(<<<'PHP'
    use Webpatser\ResonateWebhooks\Native\EventSender;

    $sender = new EventSender($config);
    $sender->send('app', 'order.sent', 'before the fork');

    // More than fits into a socket at once: on a shared connection, the events of the processes would be mixed up.
    $data = json_encode(str_repeat('x', 1_000_000));
    $child = pcntl_fork();
    $who = $child === 0 ? 'child' : 'parent';

    for ($n = 0; $n < 10; $n++) {
        $sender->send('app', 'order.sent', "of the {$who}, {$n}", $data);
    }

    if ($child === 0) {
        exit(0);
    }

    pcntl_waitpid($child, $status);
    echo 'child: exit code ', pcntl_wexitstatus($status), "\n";
    until('the deliveries', fn () => $engine->stats()['events_delivered'] === 21);
    PHP, ['endpoints' => [['url' => $cluster->receiver->url('/'), 'events' => ['order.*']]]]);

echo $node->out, $node->reason, $node->err, "\n";
?>
--EXPECT--
child: exit code 0
exit code 0
