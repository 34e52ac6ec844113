--TEST--
No dump of an engine shows a secret
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;
$cluster->redis->command('ACL SETUSER webhooks on >hidden-password ~* &* +@all');

$engine = $cluster->engine([
    'connection' => ['host' => $cluster->redis->socket, 'username' => 'webhooks', 'password' => 'hidden-password'],
    'previous_secrets' => ['app' => ['hidden-before', ['secret' => 'hidden-end', 'until' => 4102444800]]],
    'endpoints' => [[
        'url' => str_replace('//', '//user:hidden-userinfo@', $cluster->receiver->url('/')),
        'secret' => 'hidden-own', 'key' => 'own-key', 'previous_secrets' => ['hidden-own-before'],
    ]],
]);
$engine->registerApp('app', 'app-key', 'hidden-secret');
$engine->subscribed('app', 'a', '1.1');
$engine->shutdown(5000);
$story = $cluster->receiver->eventLines();

ob_start();
var_dump($engine);
var_export($engine);
print_r((array) $engine);
echo json_encode($engine);
echo new ReflectionObject($engine);
debug_zval_dump($engine);
phpinfo(INFO_MODULES);
var_dump($engine->poll(), $engine->stats());
foreach (['whsec_hidden!', ['hidden']] as $secret) {
    try {
        $engine->setEndpoints(['endpoints' => [['url' => 'https://localhost/', 'secret' => $secret]]]);
    } catch (InvalidArgumentException $e) {
        echo $e;
    }
}
$dump = ob_get_clean();

echo $story;
echo substr_count($dump, 'hidden'), " secrets in ", strlen($dump) > 1000 ? 'a lot of text' : $dump, "\n";
?>
--EXPECT--
channel_occupied a
0 secrets in a lot of text
