--TEST--
The events of a visit arrive in order and signed, with numeric user IDs as strings
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;
$engine = $cluster->engine();

$engine->subscribed('app', 'presence-chat', '1.1', '7');
$engine->clientEvent('app', 'presence-chat', '1.1', '{"event":"client-typing","channel":"presence-chat","data":{"draft":"a\/b"}}', '7');
$engine->unsubscribed('app', 'presence-chat', '1.1');
$engine->subscribed('app', 'private-news', '1.1');
$engine->clientEvent('app', 'private-news', '1.1', '{"event":"client-ping","channel":"private-news"}');
$engine->closed('app', '1.1');

echo 'all delivered: ', var_export($engine->shutdown(5000), true), "\n";

foreach ($cluster->receiver->requests() as ['headers' => $headers, 'body' => $body]) {
    $signed = hash_equals(hash_hmac('sha256', $body, 'app-secret'), $headers['x-pusher-signature']);
    echo $signed && $headers['x-pusher-key'] === 'app-key' ? '' : "forged: {$body}\n";
}

foreach ($cluster->receiver->events() as $event) {
    echo json_encode($event, JSON_UNESCAPED_SLASHES), "\n";
}
?>
--EXPECT--
all delivered: true
{"name":"channel_occupied","channel":"presence-chat"}
{"name":"member_added","channel":"presence-chat","user_id":"7"}
{"name":"client_event","channel":"presence-chat","event":"client-typing","data":"{\"draft\":\"a\\/b\"}","socket_id":"1.1","user_id":"7"}
{"name":"member_removed","channel":"presence-chat","user_id":"7"}
{"name":"channel_vacated","channel":"presence-chat"}
{"name":"channel_occupied","channel":"private-news"}
{"name":"client_event","channel":"private-news","event":"client-ping","socket_id":"1.1"}
{"name":"channel_vacated","channel":"private-news"}
