<?php

declare(strict_types=1);

namespace Tests;

use Illuminate\Filesystem\Filesystem;
use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\Attributes\TestWith;
use PHPUnit\Framework\TestCase;
use Symfony\Component\Process\Process;
use Tests\Support\Docs;

/**
 * Composer can install this package with every supported release of Resonate, and with later ones.
 *
 * The other packages are described by name, version and requirements. Nothing is downloaded.
 */
final class ComposerTest extends TestCase
{
    private string $folder;

    protected function setUp(): void
    {
        mkdir($this->folder = sys_get_temp_dir().'/webhooks-composer-'.bin2hex(random_bytes(6)));
    }

    protected function tearDown(): void
    {
        (new Filesystem)->deleteDirectory($this->folder);
    }

    #[DataProvider('releases')]
    public function test_it_can_be_installed_with_the_release(string $resonate, string $roster): void
    {
        $installed = $this->resolve(['webpatser/resonate' => $resonate, 'webpatser/resonate-roster' => $roster]);

        $this->assertSame([$resonate, $roster], [$installed['webpatser/resonate'], $installed['webpatser/resonate-roster']]);
    }

    /**
     * @return iterable<string, array{string, string}>
     */
    public static function releases(): iterable
    {
        foreach (['0.4.0' => '0.2.0', '0.5.1' => '0.2.3', '0.6.1' => '0.3.2', '0.6.3' => '0.4.0', '0.7.1' => '0.7.0'] as $resonate => $roster) {
            yield "Resonate {$resonate}" => [$resonate, $roster];
        }
    }

    public function test_the_newest_releases_are_installed_when_none_is_named(): void
    {
        $installed = $this->resolve(['webpatser/resonate' => '*', 'webpatser/resonate-roster' => '*']);

        $this->assertSame(['0.7.1', '0.7.0'], [$installed['webpatser/resonate'], $installed['webpatser/resonate-roster']]);
    }

    #[TestWith(['0.8.0'])]
    #[TestWith(['1.0.0'])]
    public function test_a_future_release_is_accepted(string $next): void
    {
        $installed = $this->resolve(['webpatser/resonate' => $next, 'webpatser/resonate-roster' => $next], [
            ['name' => 'webpatser/resonate', 'version' => $next],
            ['name' => 'webpatser/resonate-roster', 'version' => $next, 'require' => ['webpatser/resonate' => "^{$next}"]],
        ]);

        $this->assertSame($next, $installed['webpatser/resonate']);
    }

    #[TestWith(['webpatser/resonate', '0.3.0'])]
    #[TestWith(['webpatser/resonate-roster', '0.1.0'])]
    #[TestWith(['laravel/reverb', '1.7.1'])]
    public function test_a_release_that_is_too_old_is_refused(string $package, string $version): void
    {
        $this->assertStringContainsString("conflicts with {$package} {$version}", $this->refusal([$package => $version]));
    }

    #[TestWith(['1.8.0'])]
    #[TestWith(['1.10.2'])]
    public function test_reverb_can_be_used_without_resonate(string $version): void
    {
        $this->assertSame(
            ['laravel/framework', 'laravel/reverb', 'resonate-native/webhooks'],
            array_keys($this->resolve(['laravel/reverb' => $version])),
        );
    }

    public function test_reverb_is_served_on_php_8_4_and_laravel_12(): void
    {
        $installed = $this->resolve(['laravel/reverb' => '^1.8', 'laravel/framework' => '^12.0'], php: '8.4.0');

        $this->assertSame('12.67.0', $installed['laravel/framework']);
    }

    public function test_php_8_3_is_refused(): void
    {
        $this->assertStringContainsString('your php version (8.3.0', $this->refusal([], php: '8.3.0'));
    }

    public function test_the_next_major_release_of_reverb_is_refused(): void
    {
        $next = ['name' => 'laravel/reverb', 'version' => '2.0.0'];

        $this->assertStringContainsString('conflicts with laravel/reverb 2.0.0', $this->refusal(['laravel/reverb' => '2.0.0'], [$next]));
    }

    /**
     * Packages that require the replaced package can still be installed.
     */
    #[TestWith(['^0.2'])]
    #[TestWith(['^0.4'])]
    #[TestWith(['^0.5'])]
    #[TestWith(['^0.7'])]
    public function test_it_replaces_the_pure_php_package(string $wanted): void
    {
        $installed = $this->resolve(['acme/dashboard' => '*'], [
            ['name' => 'acme/dashboard', 'version' => '1.0.0', 'require' => ['webpatser/resonate-webhooks' => $wanted]],
        ]);

        $this->assertArrayNotHasKey('webpatser/resonate-webhooks', $installed);
    }

    public function test_a_receiver_needs_neither_resonate_nor_the_roster(): void
    {
        $this->assertSame(['laravel/framework', 'resonate-native/webhooks'], array_keys($this->resolve([])));
    }

    public function test_the_scripts_of_make_use_the_phpunit_of_a_vendor_folder(): void
    {
        mkdir("{$this->folder}/scripts");
        copy(dirname(__DIR__, 2).'/scripts/phpunit', "{$this->folder}/scripts/phpunit");
        $ask = fn (): string => trim((new Process(['bash', "{$this->folder}/scripts/phpunit"], '/', ['PATH' => "{$this->folder}/bin:".getenv('PATH')]))->mustRun()->getOutput());

        foreach (['bin', 'vendor/bin'] as $folder) {
            mkdir("{$this->folder}/{$folder}", recursive: true);
            file_put_contents("{$this->folder}/{$folder}/phpunit", '');
            chmod("{$this->folder}/{$folder}/phpunit", 0o755);
            $this->assertSame("{$this->folder}/{$folder}/phpunit", $ask());
        }

        $this->assertStringNotContainsString('command -v phpunit', Docs::text('GNUmakefile'));
    }

    public function test_its_tests_run_under_both_pests_without_a_time_limit_and_with_the_build(): void
    {
        $composer = json_decode(Docs::text('composer.json'), true, flags: JSON_THROW_ON_ERROR);

        $this->assertSame('^4.0|^5.0', $composer['require-dev']['pestphp/pest']);

        foreach (['test' => '~^pest --configuration~', 'test-build' => '~^@php -d extension=\S+/libresonate_webhooks\.so vendor/bin/pest ~'] as $script => $command) {
            [$first, $second] = $composer['scripts'][$script];
            $this->assertSame('Composer\\Config::disableProcessTimeout', $first);
            $this->assertMatchesRegularExpression($command, $second);
        }
    }

    /**
     * Get the versions that Composer would install with this package.
     *
     * @param  array<string, string>  $require
     * @param  list<array<string, mixed>>  $packages  Additional packages.
     * @return array<string, string>
     */
    private function resolve(array $require, array $packages = [], string $php = '8.5.0'): array
    {
        [$status, $output] = $this->composer($require, $packages, $php);

        $this->assertSame(0, $status, $output);

        $lock = json_decode(file_get_contents("{$this->folder}/composer.lock"), true);

        return array_column($lock['packages'], 'version', 'name');
    }

    /**
     * @param  array<string, string>  $require
     * @param  list<array<string, mixed>>  $packages
     */
    private function refusal(array $require, array $packages = [], string $php = '8.5.0'): string
    {
        [$status, $output] = $this->composer($require, $packages, $php);

        $this->assertSame(2, $status, $output);

        return $output;
    }

    /**
     * @param  array<string, string>  $require
     * @param  list<array<string, mixed>>  $packages
     * @return array{int, string}
     */
    private function composer(array $require, array $packages, string $php): array
    {
        $known = json_decode(file_get_contents(__DIR__.'/Support/upstream-packages.json'), true, flags: JSON_THROW_ON_ERROR);

        file_put_contents("{$this->folder}/composer.json", json_encode([
            'repositories' => [
                ['type' => 'path', 'url' => dirname(__DIR__, 2), 'options' => ['versions' => ['resonate-native/webhooks' => '1.0.0']]],
                ['type' => 'package', 'package' => [...$known, ...$packages]],
                ['packagist' => false],
            ],
            'require' => $require + ['laravel/framework' => '^13.0', 'resonate-native/webhooks' => '*'],
            'config' => ['platform' => ['php' => $php]],
        ], JSON_THROW_ON_ERROR));

        $composer = new Process(
            ['composer', 'update', '--no-install', '--no-interaction', '--no-plugins', '--no-scripts', '--no-audit', '--no-ansi'],
            $this->folder,
            ['COMPOSER_DISABLE_NETWORK' => '1', 'COMPOSER_HOME' => $this->folder, 'COMPOSER_ALLOW_SUPERUSER' => '1'],
        );

        return [$composer->run(), $composer->getOutput().$composer->getErrorOutput()];
    }
}
