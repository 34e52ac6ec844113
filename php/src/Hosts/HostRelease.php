<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Hosts;

use Composer\InstalledVersions;

/**
 * The installed release of a host, compared with the releases that this package is tested with.
 */
final readonly class HostRelease
{
    /**
     * Create a new instance.
     *
     * @param  string  $tested  The tested releases: `0.4 to 0.7`.
     * @param  string  $next  The first release that is newer than those.
     */
    private function __construct(
        private string $host,
        private string $package,
        private string $tested,
        private string $next,
    ) {
        //
    }

    /**
     * The release of Resonate.
     */
    public static function resonate(): self
    {
        return new self('Resonate', 'webpatser/resonate', '0.4 to 0.7', '0.8');
    }

    /**
     * Name the host with its version, or null when Composer has not installed it.
     */
    public function name(): ?string
    {
        return $this->isInstalled() ? "{$this->host} ".ltrim((string) InstalledVersions::getPrettyVersion($this->package), 'v') : null;
    }

    /**
     * A warning when the host is newer. Webhooks start all the same: a new release must not turn them off.
     */
    public function warning(): ?string
    {
        $version = $this->number();

        if ($version === null || version_compare($version, $this->next, '<')) {
            return null;
        }

        return sprintf(
            '%s %s is newer than the tested releases, %s; look for an update of resonate-native/webhooks',
            $this->host,
            InstalledVersions::getPrettyVersion($this->package),
            $this->tested,
        );
    }

    /**
     * The version as numbers; null when Composer does not know it. A branch has no number.
     */
    private function number(): ?string
    {
        $version = $this->isInstalled() ? (string) InstalledVersions::getVersion($this->package) : '';

        return ctype_digit($version[0] ?? '') ? $version : null;
    }

    private function isInstalled(): bool
    {
        return class_exists(InstalledVersions::class) && InstalledVersions::isInstalled($this->package);
    }
}
