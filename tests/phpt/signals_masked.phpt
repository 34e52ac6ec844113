--TEST--
No thread of the extension receives signals for PHP
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;
$engine = $cluster->engine([
    'shutdown_timeout' => 0,
    'endpoints' => [
        // A host name, because resolving it starts a thread.
        ['url' => str_replace('127.0.0.1', 'localhost', $cluster->receiver->url('/'))],
        ['url' => $cluster->receiver->url('/hang')],
    ],
]);
$engine->subscribed('app', 'a', '1.1');
until('both requests to be under way', fn () => $engine->stats()['attempts'] >= 2);

// Faults of the thread itself, SIGKILL and SIGSTOP, which cannot be blocked, and two signals of libc.
const NOT_BLOCKED = [4, 5, 6, 7, 8, 11, 9, 19, 32, 33];

// The signals that a thread accepts, derived from the mask of those that it blocks.
$taken = function (string $status): array {
    preg_match('/^SigBlk:\s+([0-9a-f]{16})$/m', $status, $mask);
    $bits = strrev(implode(array_map(fn ($digit) => sprintf('%04b', hexdec($digit)), str_split($mask[1]))));
    $signals = array_map(fn ($bit) => $bit + 1, array_keys(str_split($bits), '0', true));

    return array_values(array_diff($signals, NOT_BLOCKED));
};

$threads = [];

foreach (glob('/proc/self/task/*') as $task) {
    $status = (string) @file_get_contents("{$task}/status");

    if (basename($task) !== (string) getmypid() && preg_match('/^Name:\s+(.*)$/m', $status, $name)) {
        $threads[$name[1]] = $taken($status);
    }
}

echo 'the main ones are there: ', array_diff(['wh-intake', 'wh-claimer', 'wh-post'], array_keys($threads)) === [] ? 'yes' : implode(' ', array_keys($threads)), "\n";
echo 'signals that any of them takes: ', implode(' ', array_unique(array_merge(...array_values($threads)))) ?: 'none', "\n";
echo 'signals that PHP takes: ', count($taken(file_get_contents('/proc/self/status'))) === 64 - count(NOT_BLOCKED) ? 'all' : 'not all', "\n";

?>
--EXPECTF--
the main ones are there: yes
signals that any of them takes: none
signals that PHP takes: all
%A
