<?php

declare(strict_types=1);

/*
 * One node of the demo: a Laravel application that serves Resonate with the plugin. The demo starts
 * it, with its settings as JSON in the environment.
 */

require __DIR__.'/autoload.php';

use Demo\Node\LaravelApp;
use Demo\Node\ResonateServer;
use Demo\Node\Settings;
use Demo\Node\StandinServer;

$laravel = LaravelApp::boot(Settings::fromEnvironment());
$server = ResonateServer::isInstalled() ? new ResonateServer($laravel) : new StandinServer($laravel);

exit($server->run());
