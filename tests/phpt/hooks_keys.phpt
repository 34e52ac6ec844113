--TEST--
keys() iterates over every kind of array in pages, and accepts every position
--FILE--
<?php
use Webpatser\ResonateWebhooks\Native\Engine;

$holes = [];
for ($i = 0; $i < 40; $i++) {
    $holes["key {$i}"] = new stdClass;
}
for ($i = 0; $i < 40; $i++) {
    if ($i % 4 > 0 || $i > 30) {
        unset($holes["key {$i}"]);
    }
}

$value = new stdClass;
$arrays = [
    'empty' => [],
    'a list' => ['a', 'b', 'c', 'd'],
    'numbers' => ['7' => $value, '-3' => &$value, '08' => null, '' => 1],
    'holes' => $holes,
];

foreach ($arrays as $kind => $array) {
    $found = [];
    $position = 0;
    do {
        [$position, $keys] = Engine::keys($array, $position, 2);
        $found = [...$found, ...$keys];
        echo count($keys), ' ';
    } while ($position !== 0);

    echo "{$kind}: ", $found === array_map(strval(...), array_keys($array)) ? 'all, as strings' : json_encode($found), "\n";
}

// Keys may be removed and added between pages. A removed key is never returned.
$array = ['a' => 1, 'b' => 2, 'c' => 3, 'd' => 4];
[$position] = Engine::keys($array, 0, 2);
unset($array['a'], $array['c']);
$array['e'] = 5;
echo json_encode(Engine::keys($array, $position, 9)), "\n";

foreach ([[0, 0], [0, -1], [-1, 9], [4, 9], [PHP_INT_MAX, PHP_INT_MAX], [PHP_INT_MIN, PHP_INT_MIN], [0, PHP_INT_MAX]] as [$position, $limit]) {
    echo json_encode(Engine::keys(['a', 'b', 'c'], $position, $limit)), ' ';
}
?>
--EXPECT--
0 empty: all, as strings
2 2 a list: all, as strings
2 2 numbers: all, as strings
2 2 2 2 holes: all, as strings
[0,["d","e"]]
[0,[]] [0,[]] [0,[]] [0,[]] [0,[]] [0,[]] [0,["0","1","2"]]
