--TEST--
A forked child asks who is there over its own connection and gets no answer of the parent's
--EXTENSIONS--
pcntl
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;

$node = $cluster->run(<<<'PHP'
    use Webpatser\ResonateWebhooks\Native\Presence;

    $presence = new Presence($config);
    $engine->subscribed('app', 'news', '1.1');
    until('the hold', fn () => $engine->stats()['edges'] === 1);
    echo 'before the fork: ', json_encode($presence->occupied('app', 'news')), "\n";

    $child = pcntl_fork();
    [$channel, $expected] = $child === 0 ? ['empty', false] : ['news', true];
    $wrong = 0;

    for ($n = 0; $n < 1000; $n++) {
        $wrong += (int) ($presence->occupied('app', $channel) !== $expected);
    }

    if ($child === 0) {
        exit($wrong === 0 ? 0 : 1);
    }

    pcntl_waitpid($child, $status);
    echo 'wrong answers: ', $wrong, "\n", 'child: exit code ', pcntl_wexitstatus($status), "\n";
    PHP);

echo $node->out, $node->reason, $node->err, "\n";
?>
--EXPECT--
before the fork: true
wrong answers: 0
child: exit code 0
exit code 0
