<?php

declare(strict_types=1);

namespace Tests;

use Illuminate\Filesystem\Filesystem;
use PHPUnit\Framework\TestCase;

final class HostBoundaryTest extends TestCase
{
    /**
     * The files that may use classes of Resonate or Reverb.
     */
    private const string HOSTS = '#^(?:WebhookPlugin|Hosts/.*|Reverb/.*|Console/HostCheck|RosterSetup)\.php$#';

    public function test_nothing_else_uses_a_class_of_resonate_or_reverb(): void
    {
        $files = (new Filesystem)->allFiles(dirname(__DIR__, 2).'/php/src');
        $others = array_filter($files, fn (object $file) => ! preg_match(self::HOSTS, $file->getRelativePathname()));

        $this->assertNotEmpty($others);

        foreach ($others as $file) {
            $this->assertDoesNotMatchRegularExpression('/Webpatser\\\\Resonate\\\\|Laravel\\\\Reverb\\\\/', $file->getContents(), $file->getRelativePathname());
        }
    }
}
