<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use Webpatser\ResonateWebhooks\Exceptions\ExtensionMismatch;
use Webpatser\ResonateWebhooks\Exceptions\ExtensionMissing;

/**
 * The native extension that this package needs where the server runs.
 */
final class Extension
{
    /**
     * The name of the extension in PHP.
     */
    public const string NAME = 'resonate_webhooks';

    /**
     * The version of the extension that this package was written for.
     */
    public const string VERSION = '0.1.0';

    /**
     * Get the version of the loaded extension, or null without one.
     */
    public static function version(): ?string
    {
        return phpversion(self::NAME) ?: null;
    }

    /**
     * Ensure that this process has the extension, in a version with the major and minor part of this package.
     *
     * @throws ExtensionMissing|ExtensionMismatch
     */
    public static function ensureUsable(): void
    {
        $version = self::version() ?? throw ExtensionMissing::fromThisProcess();

        if (self::series($version) !== self::series(self::VERSION)) {
            throw ExtensionMismatch::between($version, self::VERSION);
        }
    }

    /**
     * Get the reason why this process cannot use the extension, or null when it can.
     */
    public static function problem(): ?string
    {
        try {
            self::ensureUsable();

            return null;
        } catch (ExtensionMissing|ExtensionMismatch $e) {
            return $e->getMessage();
        }
    }

    /**
     * Get the major and minor part of a version.
     */
    private static function series(string $version): string
    {
        return implode('.', array_slice(explode('.', $version), 0, 2));
    }
}
