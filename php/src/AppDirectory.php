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
 * The applications met so far, whose key and secret the engine needs for signing.
 */
class AppDirectory
{
    /**
     * The newest snapshot of each application.
     *
     * @var array<string, Application>
     */
    protected array $current = [];

    /**
     * The host's objects that have been looked at and are still in use.
     *
     * @var WeakMap<object, true>
     */
    protected WeakMap $met;

    /**
     * Whether the provider is being asked: a slow answer must not come after that to a later question.
     */
    protected bool $asking = false;

    /**
     * Reports why the provider could not be asked.
     */
    protected RefreshFailure $failure;

    /**
     * Create a new application directory.
     */
    public function __construct(protected Engine $engine, protected Host $host)
    {
        $this->met = new WeakMap;
        $this->failure = new RefreshFailure('the applications');
    }

    /**
     * Hand key and secret to the engine when they are new.
     *
     * Each connection holds the snapshot its provider made when it opened, so
     * one not met before is the latest word on the application. One that has
     * been met is not asked again: after a rotation, the connections from
     * before it would bring the old secret back.
     *
     * @param  object  $source  The host's own object.
     */
    public function meet(object $source): void
    {
        if (isset($this->met[$source])) {
            return;
        }

        $this->met[$source] = true;

        $app = Application::of($source);

        if (! $this->find($app->id)?->signsLike($app)) {
            $this->current[$app->id] = $app;
            $this->engine->registerApp($app->id, $app->key, $app->secret);
        }
    }

    /**
     * Meet the application with an id.
     *
     * @throws UnknownApplication
     */
    public function meetById(string $id): void
    {
        if ($this->find($id) !== null) {
            return;
        }

        try {
            $this->meet($this->host->application($id));
        } catch (Throwable $e) {
            throw UnknownApplication::withId($id, $e);
        }
    }

    /**
     * Meet every application that the provider knows now: a secret may have been rotated.
     */
    public function refresh(): void
    {
        if ($this->asking) {
            return;
        }

        $this->asking = true;

        try {
            foreach ($this->host->applications() as $app) {
                $this->meet($app);
            }

            $this->failure->clear();
        } catch (Throwable $e) {
            $this->failure->report($e);
        } finally {
            $this->asking = false;
        }
    }

    /**
     * Ask for the applications that the engine does not know and has events of; it names them again until they are met.
     */
    public function meetWanted(): void
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
     * Every application met so far.
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
