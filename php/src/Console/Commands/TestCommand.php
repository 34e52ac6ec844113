<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Illuminate\Support\Collection;
use Symfony\Component\Console\Attribute\AsCommand;
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
        $endpoints = $cluster->endpoints($this->argument('endpoint'));

        if ($endpoints === []) {
            return $this->refuse($this->argument('endpoint') === null
                ? 'No endpoint is configured.'
                : "No endpoint is called [{$this->text($this->argument('endpoint'))}].");
        }

        $applications = app(ApplicationProvider::class)->all();
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
     * Say why nothing was sent.
     */
    protected function refuse(string $why): int
    {
        $this->option('json') ? $this->json(['error' => $why]) : $this->components->error($why);

        return self::FAILURE;
    }
}
