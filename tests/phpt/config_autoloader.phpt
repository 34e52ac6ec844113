--TEST--
An autoloader that throws or exits during the lookup of an exception class is harmless
--FILE--
<?php
use Webpatser\ResonateWebhooks\Native\Engine;

spl_autoload_register($throws = fn () => throw new LogicException('from the autoloader'));

try {
    new Engine(['ttl' => 'soon']);
} catch (Throwable $e) {
    for (; $e !== null; $e = $e->getPrevious()) {
        echo get_class($e), ': ', $e->getMessage(), "\n";
    }
}

spl_autoload_unregister($throws);
spl_autoload_register(function () {
    echo "exit from the autoloader\n";

    exit(0);
});

try {
    new Engine(['ttl' => 'soon']);
} catch (Throwable $e) {
    echo "caught\n";
}

echo "not reached\n";
?>
--EXPECTF--
%Aexit from the autoloader
