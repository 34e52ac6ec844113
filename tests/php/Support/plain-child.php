<?php

declare(strict_types=1);

/*
 * Writes if the extension is loaded, in this process and in a child that is started without it.
 */

use Tests\Support\Process;

require dirname(__DIR__).'/bootstrap.php';

echo extension_loaded('resonate_webhooks') ? "the extension is loaded here\n" : "the extension is not loaded here\n";

$child = new Process([PHP_BINARY, ...Process::withoutExtension(), '-r', 'echo extension_loaded("resonate_webhooks") ? "in the child too\n" : "not in the child\n";'], 'a child');

echo implode("\n", $child->rest())."\n";
