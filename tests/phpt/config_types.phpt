--TEST--
Arguments of another type are TypeErrors and missing ones ArgumentCountErrors, without type juggling
--FILE--
<?php
use Webpatser\ResonateWebhooks\Native\Engine;

require __DIR__.'/support/refuses.inc';

$engine = new Engine([]);

refuses('config', fn () => new Engine('redis'));
refuses('no config', fn () => new Engine);
refuses('channel', fn () => $engine->subscribed('app', 42, '1.1', null));
refuses('channel null', fn () => $engine->subscribed('app', null, '1.1', null));
refuses('user', fn () => $engine->subscribed('app', 'a', '1.1', 42));
refuses('user object', fn () => $engine->subscribed('app', 'a', '1.1', new stdClass));
refuses('too few', fn () => $engine->unsubscribed('app', 'a'));
refuses('message', fn () => $engine->clientEvent('app', 'a', '1.1', ['event' => 'client-x']));
refuses('sockets', fn () => $engine->reconcile('app', 'a', null));
refuses('max', fn () => $engine->poll('5'));
refuses('deadline', fn () => $engine->shutdown(1.5));
refuses('by name', fn () => $engine->subscribed(socketId: '1.1', channel: 'a', appId: 'app'));
refuses('by a wrong name', fn () => $engine->subscribed('app', 'a', socket: '1.1'));
?>
--EXPECT--
config: TypeError: Invalid value given for argument `config`.
no config: ArgumentCountError: Webpatser\ResonateWebhooks\Native\Engine::__construct() expects exactly 1 argument, 0 given
channel: TypeError: Invalid value given for argument `channel`.
channel null: TypeError: Invalid value given for argument `channel`.
user: TypeError: Invalid value given for argument `userId`.
user object: TypeError: Invalid value given for argument `userId`.
too few: ArgumentCountError: Webpatser\ResonateWebhooks\Native\Engine::unsubscribed() expects exactly 3 arguments, 2 given
message: TypeError: Invalid value given for argument `message`.
sockets: TypeError: Invalid value given for argument `sockets`.
max: TypeError: Invalid value given for argument `max`.
deadline: TypeError: Invalid value given for argument `deadlineMs`.
by name: accepted
by a wrong name: Error: Unknown named parameter $socket
