<?php

declare(strict_types=1);

namespace Tests;

use Composer\InstalledVersions;
use PHPUnit\Framework\Attributes\TestWith;
use ReflectionProperty;
use Webpatser\ResonateWebhooks\Hosts\HostRelease;

final class HostReleaseTest extends PluginTestCase
{
    private mixed $before;

    protected function setUp(): void
    {
        parent::setUp();

        // Debian's Composer, if Composer has not installed this package.
        class_exists(InstalledVersions::class) || require_once 'Composer/InstalledVersions.php';

        $this->before = $this->versions('installed')->getValue();
        // A vendor folder would take precedence over the packages of a test.
        $this->versions('canGetVendors')->setValue(null, false);
    }

    protected function tearDown(): void
    {
        $this->versions('installed')->setValue(null, $this->before);
        $this->versions('canGetVendors')->setValue(null, null);

        parent::tearDown();
    }

    #[TestWith(['0.4.0', '0.4.0.0'])]
    #[TestWith(['0.7.99', '0.7.99.0'])]
    #[TestWith(['dev-main', 'dev-main'])]
    public function test_a_tested_release_and_a_branch_have_no_warning(string $pretty, string $version): void
    {
        $this->install($pretty, $version);

        $this->assertNull(HostRelease::resonate()->warning());
    }

    public function test_without_resonate_there_is_no_warning(): void
    {
        InstalledVersions::reload(['root' => [], 'versions' => []]);

        $this->assertNull(HostRelease::resonate()->warning());
    }

    #[TestWith(['v0.8.0', '0.8.0.0'])]
    #[TestWith(['1.0.0', '1.0.0.0'])]
    #[TestWith(['0.8.x-dev', '0.8.9999999.9999999-dev'])]
    public function test_a_newer_release_gets_one_warning_and_has_webhooks(string $pretty, string $version): void
    {
        $this->install($pretty, $version);

        $this->serve()->connect()->subscribe('private-room');

        $this->awaitEvent('channel_occupied private-room');
        $this->assertCount(1, preg_grep("/^WARNING: .*Resonate {$pretty} is newer than the tested releases, 0\.4 to 0\.7;/", $this->application->log()));
    }

    #[TestWith(['v1.7.1', '1.7.1.0', true])]
    #[TestWith(['v1.8.0', '1.8.0.0', false])]
    #[TestWith(['v1.99.0', '1.99.0.0', false])]
    #[TestWith(['1.x-dev', '1.9999999.9999999.9999999-dev', false])]
    #[TestWith(['dev-main', 'dev-main', false])]
    #[TestWith(['v2.0.0', '2.0.0.0', true])]
    public function test_a_reverb_outside_of_1_8_to_2_0_is_not_supported(string $pretty, string $version, bool $unsupported): void
    {
        $this->install($pretty, $version, 'laravel/reverb');

        $this->assertSame($unsupported, HostRelease::reverb()->isUnsupported());
    }

    #[TestWith(['v1.10.9', '1.10.9.0', null])]
    #[TestWith(['v1.11.0', '1.11.0.0', 'Reverb v1.11.0 is newer than the tested releases, 1.8 to 1.10; look for an update of resonate-native/webhooks'])]
    public function test_a_newer_reverb_gets_a_warning(string $pretty, string $version, ?string $warning): void
    {
        $this->install($pretty, $version, 'laravel/reverb');

        $this->assertSame($warning, HostRelease::reverb()->warning());
        $this->assertSame('Reverb '.ltrim($pretty, 'v'), HostRelease::reverb()->name());
    }

    private function versions(string $property): ReflectionProperty
    {
        return new ReflectionProperty(InstalledVersions::class, $property);
    }

    private function install(string $pretty, string $version, string $package = 'webpatser/resonate'): void
    {
        InstalledVersions::reload(['root' => [], 'versions' => [$package => ['pretty_version' => $pretty, 'version' => $version]]]);
    }
}
