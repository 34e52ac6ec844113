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

        // Debian's Composer, where this package was not installed by one.
        class_exists(InstalledVersions::class) || require_once 'Composer/InstalledVersions.php';

        $this->before = $this->versions('installed')->getValue();
        // What a vendor folder says of itself would come before what a test installs.
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
    public function test_a_tested_release_and_a_branch_need_no_words(string $pretty, string $version): void
    {
        $this->install($pretty, $version);

        $this->assertNull(HostRelease::resonate()->warning());
    }

    public function test_without_resonate_there_is_nothing_to_say(): void
    {
        InstalledVersions::reload(['root' => [], 'versions' => []]);

        $this->assertNull(HostRelease::resonate()->warning());
    }

    #[TestWith(['v0.8.0', '0.8.0.0'])]
    #[TestWith(['1.0.0', '1.0.0.0'])]
    #[TestWith(['0.8.x-dev', '0.8.9999999.9999999-dev'])]
    public function test_a_newer_release_is_named_once_and_has_its_webhooks(string $pretty, string $version): void
    {
        $this->install($pretty, $version);

        $this->serve()->connect()->subscribe('private-room');

        $this->awaitEvent('channel_occupied private-room');
        $this->assertCount(1, preg_grep("/^WARNING: .*Resonate {$pretty} is newer than the tested releases, 0\.4 to 0\.7;/", $this->application->log()));
    }

    private function versions(string $property): ReflectionProperty
    {
        return new ReflectionProperty(InstalledVersions::class, $property);
    }

    private function install(string $pretty, string $version): void
    {
        InstalledVersions::reload(['root' => [], 'versions' => ['webpatser/resonate' => ['pretty_version' => $pretty, 'version' => $version]]]);
    }
}
