<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Illuminate\Support\Collection;
use Symfony\Component\Console\Attribute\AsCommand;
use Throwable;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;
use Webpatser\ResonateWebhooks\Hosts\Application;
use Webpatser\ResonateWebhooks\Hosts\InstalledApplications;
use Webpatser\ResonateWebhooks\Support\Format;

/**
 * Sends a signed test to an endpoint, as a server would.
 */
#[AsCommand(name: 'resonate-webhooks:test')]
class TestCommand extends WebhooksCommand
{
    /**
     * The console command signature.
     *
     * @var string
     */
    protected $signature = 'resonate-webhooks:test
                            {endpoint? : The ID, name or URL of the endpoint; all endpoints by default}
                            {--app= : The ID of the application that signs the test}
                            {--json : Output the results as JSON}';

    /**
     * The console command description.
     *
     * @var string
     */
    protected $description = 'Send a signed test to an endpoint and show the result';

    /**
     * Perform the command.
     */
    protected function perform(): int
    {
        $cluster = $this->cluster();
        $endpoints = $cluster->configured($this->argument('endpoint'));

        if ($endpoints === []) {
            return $this->refuse($this->argument('endpoint') === null ? 'No endpoints are configured.' : $this->whyNot($this->argument('endpoint')));
        }

        $installed = new InstalledApplications($this->laravel);

        if (! $installed->areKnown()) {
            return $this->refuse('No application can sign: run the test where Resonate or Reverb is installed.');
        }

        try {
            $applications = $installed->all();
        } catch (Throwable $e) {
            return $this->refuse("No application can sign: the provider of applications failed: {$this->text($e->getMessage())}");
        }

        $results = [];

        foreach ($endpoints as $endpoint) {
            $application = $this->applicationFor($endpoint, $applications);

            if ($application === null) {
                return $this->refuse("No application found that can sign for {$this->text($endpoint['label'])}.");
            }

            $results[] = [
                'endpoint' => $endpoint['id'], 'label' => $endpoint['label'], 'app_id' => $application->id,
                ...(array) $cluster->test($endpoint['id'], $application->key, $application->secret),
            ];
        }

        $this->option('json') ? $this->json($results) : array_walk($results, $this->show(...));

        return in_array(false, array_column($results, 'ok'), true) ? self::FAILURE : self::SUCCESS;
    }

    /**
     * Get the application that signs the test of an endpoint.
     *
     * @param  array{app_id: string}  $endpoint
     * @param  Collection<array-key, Application>  $applications
     */
    protected function applicationFor(array $endpoint, Collection $applications): ?Application
    {
        $wanted = $endpoint['app_id'] === '*' ? $this->option('app') : $endpoint['app_id'];

        return $applications->first(fn (Application $application) => $wanted === null || $application->id === (string) $wanted);
    }

    /**
     * Show the result of a test.
     *
     * @param  array<string, mixed>  $result
     */
    protected function show(array $result): void
    {
        $this->components->twoColumnDetail(
            sprintf('%s <fg=gray>application %s, %s</>', $this->text($result['label']), $this->text($result['app_id']), $result['id']),
            sprintf('%s <fg=gray>%s</>', $this->outcome($result), Format::duration($result['took_ms'])),
        );

        if ($result['advice'] !== null) {
            $this->components->bulletList([$result['advice']]);
        }
    }

    /**
     * Explain why an endpoint cannot be tested. Only the application that configures it has its whole URL and its headers.
     */
    protected function whyNot(string $name): string
    {
        try {
            $reported = $this->cluster()->endpoints($name);
        } catch (WebhooksException) {
            $reported = [];
        }

        return $reported === []
            ? $this->unknownEndpoint($name)
            : "Servers report [{$this->redact($name)}], but this application does not configure it. Run the test in the application that does.";
    }
}
