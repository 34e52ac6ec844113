<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\TestCase;
use ReflectionClass;
use Webpatser\ResonateWebhooks\Native\Engine;

final class ExtensionTest extends TestCase
{
    public function test_the_extension_is_loaded(): void
    {
        $this->assertTrue(extension_loaded('resonate_webhooks'), 'run the tests with -d extension=...');
    }

    public function test_the_engine_comes_from_the_extension_and_cannot_be_extended(): void
    {
        $engine = new ReflectionClass(Engine::class);

        $this->assertSame('resonate_webhooks', $engine->getExtensionName());
        $this->assertTrue($engine->isFinal());
        $this->assertSame(phpversion('resonate_webhooks'), Engine::VERSION);
    }
}
