--TEST--
A channel name is arbitrary bytes: different names are different channels, and no name breaks the JSON
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;
$engine = $cluster->engine();

$names = [
    'umlaut' => "private-\u{fc}",
    'zero bytes' => "private-a\0b",
    'prefix of it' => 'private-a',
    'line break' => "private-a\r\nb",
    'quotes' => "private-\"'\\",
    'key pattern' => 'private-*:{app}:?[a]',
    'not UTF-8' => "private-\xff\xfe",
    'not UTF-8 either' => "private-\xff\xfd",
    'one byte' => "\x80",
    'nothing' => '',
    'number' => '42',
    'long' => 'private-'.str_repeat('x', 10000),
];

foreach (array_values($names) as $i => $name) {
    $engine->subscribed('app', $name, "1.{$i}");
}

until('all of them', function () use ($engine, $names, &$channels) {
    [, $channels] = $engine->channels(0, 1000) ?? [0, []];

    return count($channels) === count($names);
});
$known = array_column($channels, 1);

foreach (array_values($names) as $i => $name) {
    $engine->closed('app', "1.{$i}");
}
$engine->shutdown(5000);

// The names as JSON can represent them. Two of them look the same.
$text = fn (string $bytes): string => json_decode(json_encode($bytes, JSON_INVALID_UTF8_SUBSTITUTE));
$seen = [];

foreach ($cluster->receiver->events() as $event) {
    $seen[$event['channel']][] = substr($event['name'], strlen('channel_'));
}

foreach ($names as $what => $name) {
    $events = $seen[$text($name)] ?? ['never seen'];
    sort($events);
    echo "{$what}: ", in_array($name, $known, true) ? 'kept' : 'lost', ', ', implode(' ', $events), "\n";
}
?>
--EXPECT--
umlaut: kept, occupied vacated
zero bytes: kept, occupied vacated
prefix of it: kept, occupied vacated
line break: kept, occupied vacated
quotes: kept, occupied vacated
key pattern: kept, occupied vacated
not UTF-8: kept, occupied occupied vacated vacated
not UTF-8 either: kept, occupied occupied vacated vacated
one byte: kept, occupied vacated
nothing: kept, occupied vacated
number: kept, occupied vacated
long: kept, occupied vacated
