<?php

declare(strict_types=1);

/*
 * Runs an Artisan command in an application with Reverb. Reads the `resonate-webhooks` config, the applications, the
 * additions of the application and the command from stdin, as JSON. Writes the output of the command, then the log.
 */

use Illuminate\Contracts\Console\Kernel;
use Symfony\Component\Console\Input\ArrayInput;
use Symfony\Component\Console\Output\StreamOutput;
use Tests\Support\TestApplication;

require dirname(__DIR__).'/bootstrap.php';
require __DIR__.'/reverb.php';

['webhooks' => $webhooks, 'apps' => $apps, 'with' => $with, 'command' => $command] = json_decode((string) stream_get_contents(STDIN), true, flags: JSON_THROW_ON_ERROR);

$application = TestApplication::withReverb($webhooks, $apps);

foreach ($with as $file) {
    (require __DIR__."/reverb/{$file}.php")($application->laravel);
}

$code = $application->laravel->make(Kernel::class)->handle(new ArrayInput($command), new StreamOutput(STDOUT));

foreach ($application->log() as $line) {
    echo $line."\n";
}

$application->remove();

exit($code);
