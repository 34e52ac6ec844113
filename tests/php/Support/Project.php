<?php

declare(strict_types=1);

namespace Tests\Support;

use PHPUnit\Framework\TestCase;
use RuntimeException;

/**
 * A fresh Laravel project on disk, with Resonate installed. All that happens in it, happens in processes of its own.
 */
final class Project
{
    public readonly string $folder;

    private readonly TestApplication $application;

    private readonly int $port;

    private ?Process $site = null;

    /**
     * Write what `laravel new` would write, and no more.
     */
    public function __construct()
    {
        $this->application = new TestApplication(server: ['plugins' => []]);
        $this->folder = $this->application->laravel->basePath();
        $this->port = FreePort::find();

        $bootstrap = var_export(dirname(__DIR__).'/bootstrap.php', true);

        $this->write('bootstrap/app.php', <<<'PHP'
            <?php

            return Illuminate\Foundation\Application::configure(dirname(__DIR__))
                ->withRouting(web: __DIR__.'/../routes/web.php')
                ->withMiddleware(fn () => null)
                ->withExceptions(fn () => null)
                ->create()
                ->dontMergeFrameworkConfiguration();
            PHP);
        $this->write('artisan', <<<PHP
            <?php

            require {$bootstrap};

            exit((require __DIR__.'/bootstrap/app.php')->handleCommand(new Symfony\Component\Console\Input\ArgvInput));
            PHP);
        $this->write('public/index.php', <<<PHP
            <?php

            require {$bootstrap};

            (require dirname(__DIR__).'/bootstrap/app.php')->handleRequest(Illuminate\Http\Request::capture());
            PHP);
        $this->write('routes/web.php', '<?php');
        $this->write('config/cache.php', "<?php return ['default' => 'file', 'stores' => ['file' => ['driver' => 'file', 'path' => storage_path('cache')]]];");
    }

    /**
     * Write a file of the project.
     */
    public function write(string $path, string $content): void
    {
        @mkdir(dirname("{$this->folder}/{$path}"), recursive: true);
        file_put_contents("{$this->folder}/{$path}", $content);
    }

    /**
     * Replace what occurs once in a file of the project.
     */
    public function edit(string $path, string $old, string $new): void
    {
        $content = (string) file_get_contents("{$this->folder}/{$path}");
        $edited = str_replace($old, $new, $content, $times);

        $times === 1 || throw new RuntimeException("{$path} has {$old} {$times} times");

        $this->write($path, $edited);
    }

    /**
     * Run an artisan command without anybody to ask, and return its exit code and output, the latter without the dots that fill it up.
     *
     * @return array{int, string}
     */
    public function artisan(string ...$arguments): array
    {
        $stderr = tmpfile();
        $process = new Process([PHP_BINARY, ...Process::loadedByHand(), "{$this->folder}/artisan", ...$arguments, '--no-interaction', '--no-ansi'], 'artisan', $stderr);
        $lines = $process->rest();

        return [$process->exitCode(), (string) preg_replace('/ ?\.{2,} ?/', ' ', implode("\n", [...$lines, stream_get_contents($stderr, offset: 0)]))];
    }

    /**
     * Serve the project's pages, as `php artisan serve` does. PHP has the extension there too, as where it stands in php.ini.
     */
    public function serve(): void
    {
        // PHP's server does not mind when its stdin ends; the shell that waits for that stops it.
        $this->site = new Process([
            'sh', '-c', '"$@" >/dev/null 2>/dev/null & cat >/dev/null; kill $!; wait', 'sh',
            PHP_BINARY, ...Process::loadedByHand(), '-S', "127.0.0.1:{$this->port}", '-t', "{$this->folder}/public",
        ], 'the site');

        Wait::until(fn () => Quietly::call(stream_socket_client(...), "tcp://127.0.0.1:{$this->port}", timeout: 1), 'the site to listen');
    }

    /**
     * The URL of one of its pages.
     */
    public function url(string $path): string
    {
        return "http://127.0.0.1:{$this->port}{$path}";
    }

    /**
     * The lines of a file below `storage` that the project writes.
     *
     * @return list<string>
     */
    public function lines(string $file): array
    {
        return @file("{$this->folder}/storage/{$file}", FILE_IGNORE_NEW_LINES) ?: [];
    }

    /**
     * End the site and remove the folder.
     */
    public function remove(?TestCase $test = null): void
    {
        $this->site?->hangUp();
        $this->site?->awaitEnd();
        $this->application->remove($test);
    }
}
