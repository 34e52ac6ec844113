<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use Composer\InstalledVersions;

/**
 * Compares the release of Resonate with those that this package was tested with.
 */
final class HostRelease
{
    private const string PACKAGE = 'webpatser/resonate';

    private const string TESTED = '0.4 to 0.7';

    /**
     * The first release that is newer than those.
     */
    private const string NEXT = '0.8';

    /**
     * A warning when Resonate is newer. Webhooks start all the same: a new release must not turn them off.
     */
    public static function warning(): ?string
    {
        if (! class_exists(InstalledVersions::class) || ! InstalledVersions::isInstalled(self::PACKAGE)) {
            return null;
        }

        $version = (string) InstalledVersions::getVersion(self::PACKAGE);

        // A branch has no number to compare.
        if (! ctype_digit($version[0] ?? '') || version_compare($version, self::NEXT, '<')) {
            return null;
        }

        return sprintf(
            'Resonate %s is newer than the tested releases, %s; look for an update of resonate-native/webhooks',
            InstalledVersions::getPrettyVersion(self::PACKAGE),
            self::TESTED,
        );
    }
}
