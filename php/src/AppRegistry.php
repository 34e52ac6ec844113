<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use Throwable;
use WeakMap;
use Webpatser\ResonateWebhooks\Exceptions\ApplicationProviderFailed;
use Webpatser\ResonateWebhooks\Exceptions\UnknownApplication;
use Webpatser\ResonateWebhooks\Hosts\Application;
use Webpatser\ResonateWebhooks\Hosts\Host;
use Webpatser\ResonateWebhooks\Hosts\InstalledApplications;
use Webpatser\ResonateWebhooks\Native\Engine;

/**
 * Keeps the known applications. The engine signs with their keys and secrets.
 */
class AppRegistry
{
    /**
     * The newest snapshot of each application, by ID.
     *
     * @var array<string, Application>
     */
    protected array $current = [];

    /**
     * The host's objects that are registered and still in use.
     *
     * @var WeakMap<object, true>
     */
    protected WeakMap $registered;

    /**
     * True during a refresh. A slow result must not overwrite that of a later refresh.
     */
    protected bool $refreshing = false;

    /**
     * Reports failures of the provider.
     */
    protected RefreshFailure $failure;

    /**
     * Create a new registry.
     */
    public function __construct(protected Engine $engine, protected Host $host)
    {
        $this->registered = new WeakMap;
        $this->failure = new RefreshFailure('the applications');
    }

    /**
     * Register an application, and pass its key and secret to the engine if they are new.
     *
     * A connection has the snapshot that the provider made when it opened, so
     * an unknown object is the latest. A known one is skipped: after a rotation,
     * the object of an older connection would restore the old secret.
     *
     * @param  object  $source  The host's own object.
     */
    public function register(object $source): void
    {
        if (isset($this->registered[$source])) {
            return;
        }

        $this->registered[$source] = true;

        $app = Application::of($source);

        if (! $this->find($app->id)?->signsLike($app)) {
            $this->current[$app->id] = $app;
            $this->engine->registerApp($app->id, $app->key, $app->secret);
        }
    }

    /**
     * Register an application by its ID.
     *
     * @throws UnknownApplication
     * @throws ApplicationProviderFailed
     */
    public function registerById(string $id): void
    {
        if ($this->find($id) !== null) {
            return;
        }

        try {
            $this->register($this->host->application($id));
        } catch (Throwable $e) {
            throw InstalledApplications::failure($id, $e);
        }
    }

    /**
     * Register all applications of the provider again, since a secret may have been rotated.
     */
    public function refresh(): void
    {
        if ($this->refreshing) {
            return;
        }

        $this->refreshing = true;

        try {
            foreach ($this->host->applications() as $app) {
                $this->register($app);
            }

            $this->failure->clear();
        } catch (Throwable $e) {
            $this->failure->report($e);
        } finally {
            $this->refreshing = false;
        }
    }

    /**
     * Register the applications that the engine has events for but does not know.
     */
    public function registerWanted(): void
    {
        if ($this->engine->wantedApps() !== []) {
            $this->refresh();
        }
    }

    /**
     * Find a known application without using the provider, which may query a database.
     */
    public function find(string $id): ?Application
    {
        return $this->current[$id] ?? null;
    }

    /**
     * Get all known applications.
     *
     * @return array<string, Application>
     */
    public function all(): array
    {
        return $this->current;
    }

    /**
     * Keep the secrets out of dumps.
     *
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return ['applications' => array_keys($this->current)];
    }
}
