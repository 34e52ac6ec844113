<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console;

use Illuminate\Contracts\Config\Repository;
use Illuminate\Foundation\Console\AboutCommand;
use Webpatser\ResonateWebhooks\Contracts\Cluster;
use Webpatser\ResonateWebhooks\Exceptions\RedisFailed;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;
use Webpatser\ResonateWebhooks\Extension;
use Webpatser\ResonateWebhooks\Hosts\HostRelease;

/**
 * Provides the package's section in the output of `php artisan about`.
 */
final class AboutSection
{
    /**
     * Create a new section.
     */
    public function __construct(private readonly Repository $config, private readonly Cluster $cluster)
    {
        //
    }

    /**
     * Get the rows by label.
     *
     * @return array<string, mixed>
     */
    public function rows(): array
    {
        return [
            'Extension' => AboutCommand::format(
                Extension::version() ?? 'NOT LOADED',
                console: fn (string $version) => $version === 'NOT LOADED' ? "<fg=red;options=bold>{$version}</>" : $version,
            ),
            'Host' => $this->hosts(),
            'Key Prefix' => $this->config->get('resonate-webhooks.key_prefix') ?: 'wh',
            'Endpoints' => $this->endpoints(),
        ];
    }

    /**
     * Name the servers that are installed.
     */
    private function hosts(): string
    {
        $present = array_filter([HostRelease::resonate(), HostRelease::reverb()], fn (HostRelease $release) => $release->isPresent());

        return implode(', ', array_map(fn (HostRelease $release) => $release->name(), $present)) ?: 'none installed';
    }

    /**
     * Count the endpoints that servers report and this application configures.
     */
    private function endpoints(): string
    {
        try {
            return (string) count($this->cluster->endpoints());
        } catch (RedisFailed) {
            return rescue(fn () => count($this->cluster->configured()).' configured, Redis is unavailable', 'unknown, Redis is unavailable', report: false);
        } catch (WebhooksException) {
            return 'unknown, run resonate-webhooks:check';
        }
    }
}
