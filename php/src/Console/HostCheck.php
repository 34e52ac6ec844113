<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console;

use Laravel\Reverb\Contracts\ApplicationProvider;
use Throwable;
use Webpatser\ResonateWebhooks\Hosts\HostRelease;
use Webpatser\ResonateWebhooks\RemovedTransport;
use Webpatser\ResonateWebhooks\Reverb\ReverbSetup;
use Webpatser\ResonateWebhooks\RosterSetup;
use Webpatser\ResonateWebhooks\WebhookPlugin;

/**
 * Checks the installed host and its setup for webhooks.
 *
 * @phpstan-import-type Problem from SetupCheck
 */
final readonly class HostCheck
{
    /**
     * Create a new check.
     *
     * @param  array<string, mixed>  $settings  The `resonate-webhooks` config.
     */
    public function __construct(private array $settings)
    {
        //
    }

    /**
     * Get the problems by subject.
     *
     * @return iterable<string, iterable<Problem>>
     */
    public function problems(): iterable
    {
        $hasReverb = ReverbSetup::isInstalled();

        // Only Resonate has plugins. Without either server, the missing plugin is reported.
        if (! $hasReverb || $this->plugins() !== []) {
            yield 'Plugin' => $this->plugin();
            yield 'Resonate' => $this->release(HostRelease::resonate());
            yield 'Roster' => $this->roster();
        }

        if ($hasReverb) {
            yield 'Reverb' => $this->reverb();
        }
    }

    /**
     * Check that the plugin is registered, and that no transport of the replaced package is bound.
     *
     * @return iterable<Problem>
     */
    private function plugin(): iterable
    {
        if (RosterSetup::position(WebhookPlugin::class, $this->plugins()) === null) {
            yield [
                CheckResult::Error,
                'the webhooks plugin is missing from reverb.servers.reverb.plugins',
                'Add '.WebhookPlugin::class.'::class after the roster plugin.',
            ];
        }

        yield from $this->transport();
    }

    /**
     * Check that the roster is set up for the webhooks.
     *
     * @return iterable<Problem>
     */
    private function roster(): iterable
    {
        foreach (RosterSetup::problems($this->plugins(), (array) config('resonate-roster', []), $this->settings) as $problem) {
            yield [CheckResult::Warning, $problem->message, $problem->fix];
        }
    }

    /**
     * Check that this Reverb is supported, that its webhooks are on, and that they include every event.
     *
     * @return iterable<Problem>
     */
    private function reverb(): iterable
    {
        if (($obstacle = ReverbSetup::obstacle()) !== null) {
            yield [CheckResult::Error, $obstacle, ''];

            return;
        }

        if (ReverbSetup::isSwitchedOff()) {
            yield [CheckResult::Warning, 'resonate-webhooks.reverb is false, so Reverb sends no webhooks', 'Set it to true or null.'];
        }

        yield from $this->transport();
        yield from $this->release(HostRelease::reverb());

        try {
            $apps = app(ApplicationProvider::class)->all();
        } catch (Throwable $e) {
            yield [CheckResult::Warning, "the provider of applications failed: {$e->getMessage()}", 'Check that its database answers.'];
        }

        foreach (ReverbSetup::problems($apps ?? []) as $problem) {
            yield [CheckResult::Warning, $problem->message, $problem->fix];
        }
    }

    /**
     * Check that the release of a host is a tested one.
     *
     * @return iterable<Problem>
     */
    private function release(HostRelease $release): iterable
    {
        if (($warning = $release->warning()) !== null) {
            yield [CheckResult::Warning, $warning, 'Update the package, or verify that webhooks arrive as expected.'];
        }
    }

    /**
     * Check that no transport of the replaced package is bound.
     *
     * @return iterable<Problem>
     */
    private function transport(): iterable
    {
        if (RemovedTransport::isBound()) {
            yield [CheckResult::Error, RemovedTransport::PROBLEM, RemovedTransport::REMEDY];
        }
    }

    /**
     * Get the plugins of Resonate.
     *
     * @return array<array-key, mixed>
     */
    private function plugins(): array
    {
        return (array) config('reverb.servers.reverb.plugins', []);
    }
}
