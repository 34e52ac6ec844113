--TEST--
Hooks in shutdown functions, output callbacks, destructors and unwound fibers are delivered
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;

$node = $cluster->run(<<<'PHP'
    use Webpatser\ResonateWebhooks\Native\Engine;

    final class LeavesLate
    {
        public function __construct(private Engine $engine, private string $channel) {}

        public function __destruct()
        {
            $this->engine->subscribed('app', $this->channel, '1.1');
        }
    }

    final class Holder
    {
        public static ?LeavesLate $held = null;
    }

    register_shutdown_function(function () use ($engine) {
        $engine->subscribed('app', 'shutdown function', '1.1');
        register_shutdown_function(fn () => $engine->subscribed('app', 'nested shutdown function', '1.1'));
    });

    ob_start(function (string $buffer) use ($engine) {
        $engine->subscribed('app', 'output callback', '1.1');

        return $buffer;
    });

    $global = new LeavesLate($engine, 'destructor of a global');
    Holder::$held = new LeavesLate($engine, 'destructor of a static');

    $cycle = new ArrayObject;
    $cycle['self'] = $cycle;
    $cycle['late'] = new LeavesLate($engine, 'destructor in a cycle');
    unset($cycle);

    $fiber = new Fiber(function () use ($engine) {
        try {
            Fiber::suspend();
        } finally {
            $engine->subscribed('app', 'finally of a fiber', '1.1');
        }
    });
    $fiber->start();

    $engine->shutdown(1000);
    unset($engine);
    PHP);

echo $node->reason, $node->err, "\n";

foreach ($cluster->receiver->events() as ['name' => $name, 'channel' => $channel]) {
    echo $name === 'channel_occupied' ? "{$channel}\n" : '';
}
?>
--EXPECT--
exit code 0
destructor in a cycle
destructor of a global
destructor of a static
finally of a fiber
nested shutdown function
output callback
shutdown function
