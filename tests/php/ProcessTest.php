<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\Attributes\TestWith;
use Tests\Support\Process;
use Tests\Support\Wait;

/**
 * The processes of tests have the right extensions, and leave no files.
 */
final class ProcessTest extends PluginTestCase
{
    public function test_php_without_the_extension_ignores_an_ini_file_that_loads_it(): void
    {
        $ini = (string) tempnam(sys_get_temp_dir(), 'php-ini-');
        $byHand = array_map(fn (string $argument) => substr($argument, 2), Process::loadedByHand());
        file_put_contents($ini, implode("\n", [...Process::iniLines(), ...$byHand]));

        $lines = (new Process([PHP_BINARY, '-n', '-c', $ini, __DIR__.'/Support/plain-child.php'], 'a PHP with the extension in its ini file'))->rest();
        $this->assertSame(['the extension is loaded here', 'not in the child'], $lines);
    }

    #[TestWith([SIGKILL])]
    #[TestWith([SIGTERM])]
    #[TestWith([null])]
    public function test_the_temporary_files_of_tests_are_removed_even_after_a_kill(?int $signal): void
    {
        $folder = sys_get_temp_dir().'/of-'.bin2hex(random_bytes(4));
        mkdir($folder);
        $process = new Process(['env', '-u', 'RESONATE_WEBHOOKS_TESTS', "TMPDIR={$folder}", PHP_BINARY, ...Process::loadedByHand(), __DIR__.'/Support/killed-node.php'], 'tests with a node');
        $this->assertSame('the node was killed', $process->readLine(60.0));
        $this->assertCount(1, glob("{$folder}/*"));
        $this->assertNotSame([], glob("{$folder}/*/webhooks-app-*"), 'the files of the node');

        $signal === null ? $process->hangUp() : $process->signal($signal);
        $process->awaitEnd();
        Wait::until(fn () => glob("{$folder}/*") === [], 'the removal');
    }
}
