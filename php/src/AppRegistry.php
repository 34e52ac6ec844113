<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use Throwable;
use WeakMap;
use Webpatser\ResonateWebhooks\Exceptions\UnknownApplication;
use Webpatser\ResonateWebhooks\Hosts\Application;
use Webpatser\ResonateWebhooks\Hosts\Host;
use Webpatser\ResonateWebhooks\Native\Engine;

/**
 * The known applications. The engine signs with their keys and secrets.
 */
class AppRegistry
{
    /**
     * The newest snapshot of each application.
     *
     * @var array<string, Application>
     */
    protected array $current = [];

    /**
     * The host's objects that were registered and are still in use.
     *
     * @var WeakMap<object, true>
     */
    protected WeakMap $registered;

    /**
     * Whether a refresh is under way: a slow answer must not overwrite that of a later refresh.
     */
    protected bool $asking = false;

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
     * Register an application, and give its key and secret to the engine when they are new.
     *
     * Each connection holds the snapshot that its provider made when it opened,
     * so an object that is new here is the latest. A known one is skipped: after
     * a rotation, older connections would bring the old secret back.
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
     * Register the application with an id.
     *
     * @throws UnknownApplication
     */
    public function registerById(string $id): void
    {
        if ($this->find($id) !== null) {
            return;
        }

        try {
            $this->register($this->host->application($id));
        } catch (Throwable $e) {
            throw UnknownApplication::withId($id, $e);
        }
    }

    /**
     * Register every application of the provider again: a secret may have been rotated.
     */
    public function refresh(): void
    {
        if ($this->asking) {
            return;
        }

        $this->asking = true;

        try {
            foreach ($this->host->applications() as $app) {
                $this->register($app);
            }

            $this->failure->clear();
        } catch (Throwable $e) {
            $this->failure->report($e);
        } finally {
            $this->asking = false;
        }
    }

    /**
     * Register the applications that the engine has events of and does not know.
     */
    public function registerWanted(): void
    {
        if ($this->engine->wantedApps() !== []) {
            $this->refresh();
        }
    }

    /**
     * Find an application without asking its provider, which may be a database.
     */
    public function find(string $id): ?Application
    {
        return $this->current[$id] ?? null;
    }

    /**
     * Every known application.
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
