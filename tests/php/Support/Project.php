<?php

declare(strict_types=1);

namespace Tests\Support;

use PHPUnit\Framework\TestCase;
use RuntimeException;
use Symfony\Component\Process\Process as SymfonyProcess;
use Webpatser\Resonate\ResonateServiceProvider;
use Webpatser\ResonateWebhooks\WebhooksServiceProvider;

/**
 * A new Laravel project on disk with Resonate. Everything in it runs in separate processes.
 */
final class Project
{
    public readonly string $folder;

    private readonly TestApplication $application;

    private readonly int $port;

    private ?Process $site = null;

    /**
     * Write the files that `laravel new` would write.
     *
     * @param  list<class-string>  $providers  The providers that Laravel does not discover; it discovers those of packages that Composer installed.
     */
    public function __construct(array $providers = [ResonateServiceProvider::class, WebhooksServiceProvider::class])
    {
        $this->application = new TestApplication(server: ['plugins' => []], providers: $providers);
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
            is_file(__DIR__.'/vendor/autoload.php') && require __DIR__.'/vendor/autoload.php';

            exit((require __DIR__.'/bootstrap/app.php')->handleCommand(new Symfony\Component\Console\Input\ArgvInput));
            PHP);
        $this->write('public/index.php', <<<PHP
            <?php

            require {$bootstrap};
            is_file(dirname(__DIR__).'/vendor/autoload.php') && require dirname(__DIR__).'/vendor/autoload.php';

            (require dirname(__DIR__).'/bootstrap/app.php')->handleRequest(Illuminate\Http\Request::capture());
            PHP);
        $this->write('composer.json', json_encode([
            'require' => ['laravel/framework' => '^13.0'],
            'autoload' => ['psr-4' => ['App\\' => 'app/']],
            'scripts' => ['post-autoload-dump' => '@php artisan package:discover'],
        ], JSON_THROW_ON_ERROR));
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
     * Run a Composer command. Composer knows the releases of other packages, but has nothing to install for them: Laravel and
     * Resonate are those of the tests, which run on a PHP that is too old for Resonate too.
     */
    public function composer(string ...$arguments): void
    {
        $known = json_decode((string) file_get_contents(__DIR__.'/upstream-packages.json'), true, flags: JSON_THROW_ON_ERROR);
        $this->write('composer/config.json', json_encode([
            'repositories' => [
                ['type' => 'package', 'package' => array_map(fn (array $package) => ['type' => 'metapackage'] + $package, $known)],
                ['packagist' => false],
            ],
            'config' => ['platform' => ['php' => '8.5.0'], 'platform-check' => false],
        ], JSON_THROW_ON_ERROR));
        $environment = ['COMPOSER_DISABLE_NETWORK' => '1', 'COMPOSER_NO_AUDIT' => '1', 'COMPOSER_HOME' => "{$this->folder}/composer", 'COMPOSER_ALLOW_SUPERUSER' => '1'];
        (new SymfonyProcess(['composer', ...$arguments, '--no-interaction', '--no-ansi'], $this->folder, $environment))->mustRun();
    }

    /**
     * Read a file of the project.
     */
    public function read(string $path): string
    {
        return (string) file_get_contents("{$this->folder}/{$path}");
    }

    /**
     * Replace a text that occurs once in a file of the project.
     */
    public function edit(string $path, string $old, string $new): void
    {
        $edited = str_replace($old, $new, $this->read($path), $times);

        $times === 1 || throw new RuntimeException("{$path} has {$old} {$times} times");

        $this->write($path, $edited);
    }

    /**
     * Run an Artisan command without interaction, and return its exit code and its output without the filling dots.
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
     * Serve the project, as `php artisan serve` does. PHP loads the extension there too, as if by its php.ini.
     */
    public function serve(): void
    {
        // PHP's server ignores the end of its stdin. A shell waits for that and stops the server.
        $this->site = new Process([
            'sh', '-c', '"$@" >/dev/null 2>/dev/null & cat >/dev/null; kill $!; wait', 'sh',
            PHP_BINARY, ...Process::loadedByHand(), '-S', "127.0.0.1:{$this->port}", '-t', "{$this->folder}/public",
        ], 'the site');

        Wait::until(fn () => Quietly::call(stream_socket_client(...), "tcp://127.0.0.1:{$this->port}", timeout: 1), 'the site to listen');
    }

    /**
     * Get the URL of a page.
     */
    public function url(string $path): string
    {
        return "http://127.0.0.1:{$this->port}{$path}";
    }

    /**
     * Get the lines of a file in `storage`.
     *
     * @return list<string>
     */
    public function lines(string $file): array
    {
        return @file("{$this->folder}/storage/{$file}", FILE_IGNORE_NEW_LINES) ?: [];
    }

    /**
     * Stop the server and remove the folder.
     */
    public function remove(?TestCase $test = null): void
    {
        $this->site?->hangUp();
        $this->site?->awaitEnd();
        $this->application->remove($test);
    }
}
