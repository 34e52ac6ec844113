<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Illuminate\Support\Collection;
use Symfony\Component\Console\Attribute\AsCommand;
use Throwable;
use Webpatser\Resonate\Application;
use Webpatser\Resonate\Contracts\ApplicationProvider;

/**
 * Sends a signed test from here, just as a server would.
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
                            {endpoint? : The id, name or URL of an endpoint; all of them without it}
                            {--app= : The id of the application whose secret signs}
                            {--json : Output the results as JSON}';

    /**
     * The console command description.
     *
     * @var string
     */
    protected $description = 'Send a signed test to an endpoint, and say what became of it';

    /**
     * Do what the command is for.
     */
    protected function perform(): int
    {
        $cluster = $this->cluster();
        $endpoints = $cluster->configured($this->argument('endpoint'));

        if ($endpoints === []) {
            return $this->refuse($this->argument('endpoint') === null ? 'No endpoint is configured.' : $this->whyNot($this->argument('endpoint')));
        }

        if (! $this->laravel->bound(ApplicationProvider::class)) {
            return $this->refuse('No application can sign: run the test where Resonate is installed.');
        }

        try {
            $applications = $this->laravel->make(ApplicationProvider::class)->all();
        } catch (Throwable $e) {
            return $this->refuse("No application can sign: the provider of applications failed: {$this->text($e->getMessage())}");
        }

        $results = [];

        foreach ($endpoints as $endpoint) {
            $application = $this->applicationFor($endpoint, $applications);

            if ($application === null) {
                return $this->refuse("There is no application to sign for {$this->text($endpoint['label'])}.");
            }

            $results[] = [
                'endpoint' => $endpoint['id'], 'label' => $endpoint['label'], 'app_id' => $application->id(),
                ...(array) $cluster->test($endpoint['id'], $application->key(), $application->secret()),
            ];
        }

        $this->option('json') ? $this->json($results) : array_walk($results, $this->show(...));

        return in_array(false, array_column($results, 'ok'), true) ? self::FAILURE : self::SUCCESS;
    }

    /**
     * The application in whose name an endpoint is tested.
     *
     * @param  array{app_id: string}  $endpoint
     * @param  Collection<array-key, Application>  $applications
     */
    protected function applicationFor(array $endpoint, Collection $applications): ?Application
    {
        $wanted = $endpoint['app_id'] === '*' ? $this->option('app') : $endpoint['app_id'];

        return $applications->first(fn (Application $application) => $wanted === null || $application->id() === (string) $wanted);
    }

    /**
     * Show what became of a test.
     *
     * @param  array<string, mixed>  $result
     */
    protected function show(array $result): void
    {
        $this->components->twoColumnDetail(
            sprintf('%s <fg=gray>application %s, %s</>', $this->text($result['label']), $this->text($result['app_id']), $result['id']),
            $result['ok']
                ? "<fg=green;options=bold>HTTP {$result['status']}</> <fg=gray>{$result['took_ms']} ms</>"
                : "<fg=red;options=bold>{$this->text($result['error'])}</> <fg=gray>{$result['took_ms']} ms</>",
        );

        if ($result['advice'] !== null) {
            $this->components->bulletList([$result['advice']]);
        }
    }

    /**
     * Say why there is nothing to test: only what configures an endpoint knows its whole URL and its headers.
     */
    protected function whyNot(string $name): string
    {
        return $this->quietly(fn () => array_column($this->cluster()->endpoints($name), 'label', 'id')) === []
            ? $this->unknownEndpoint($name)
            : "The servers know [{$this->shown($name)}], this application does not: run the test where its EndpointProvider or config is.";
    }
}
