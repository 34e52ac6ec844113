--TEST--
An outbox in memory is delivered at the end too, and what it still has then is called lost
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;

$script = <<<'PHP'
    $engine->subscribed('app', 'a', '1.1');
    exit(3);
    PHP;

$delivered = $cluster->run($script, ['outbox' => 'memory']);
echo $delivered->reason, $delivered->err, "\n";
echo $cluster->receiver->story();

$hanging = [['url' => $cluster->receiver->url('/hang')]];
$lost = $cluster->run($script, ['outbox' => 'memory', 'shutdown_timeout' => 0.3, 'endpoints' => $hanging]);
echo $lost->reason, "\n", $lost->err;
?>
--EXPECT--
exit code 3
channel_occupied a
channel_vacated a
exit code 3
resonate_webhooks: the process ended with 2 events undelivered (lost), 0 claims undecided, 0 intents not taken in
