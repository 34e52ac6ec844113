<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Hosts;

use Composer\InstalledVersions;

/**
 * Compares the installed release of a host with the releases that this package is tested with.
 */
final readonly class HostRelease
{
    /**
     * Create a new instance.
     *
     * @param  string  $class  A class or interface of the host.
     * @param  string  $tested  The tested releases: `0.4 to 0.7`.
     * @param  string  $next  The first release after the tested ones.
     * @param  array{string, string}|null  $supported  The first supported release, and the first unsupported one after it; null if Composer ensures that.
     */
    private function __construct(
        private string $host,
        private string $package,
        private string $class,
        private string $tested,
        private string $next,
        private ?array $supported = null,
    ) {
        //
    }

    /**
     * Get the release of Resonate.
     */
    public static function resonate(): self
    {
        return new self('Resonate', 'webpatser/resonate', 'Webpatser\Resonate\Plugins\Contracts\ServerPlugin', '0.4 to 0.7', '0.8');
    }

    /**
     * Get the release of Reverb.
     */
    public static function reverb(): self
    {
        return new self('Reverb', 'laravel/reverb', 'Laravel\Reverb\ReverbServiceProvider', '1.8 to 1.10', '1.11', ['1.8', '2.0']);
    }

    /**
     * Determine if the host is installed, with or without Composer.
     */
    public function isPresent(): bool
    {
        return class_exists($this->class) || interface_exists($this->class);
    }

    /**
     * Get the name of the host, with its version if Composer knows it.
     */
    public function name(): string
    {
        return $this->isInstalled() ? "{$this->host} ".ltrim((string) InstalledVersions::getPrettyVersion($this->package), 'v') : $this->host;
    }

    /**
     * Get a warning if the host is newer than the tested releases. Webhooks start in any case.
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
     * Determine if the host is too old or too new, as far as its version is known.
     */
    public function isUnsupported(): bool
    {
        $version = $this->number();

        return $version !== null && $this->supported !== null
            && (version_compare($version, $this->supported[0], '<') || version_compare($version, $this->supported[1], '>='));
    }

    /**
     * Get the version number; null if Composer does not know it, or the package is a branch.
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
