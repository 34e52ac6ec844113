--TEST--
Random calls with arguments of every kind end as a result or a documented exception, and leak no memory
--FILE--
<?php
require __DIR__.'/support/call_at_random.inc';
?>
--EXPECTF--
PHP: stable
the process: stable
panics: 0%A
