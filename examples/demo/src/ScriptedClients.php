<?php

declare(strict_types=1);

namespace Demo;

use Closure;
use Tests\Support\FakeClient;

/**
 * The clients of a server without a network, which the demo controls by lines on stdin.
 */
final class ScriptedClients
{
    /**
     * @var array<string, FakeClient>
     */
    private array $clients = [];

    /**
     * @param  Closure(string): FakeClient  $connect  Connects a client to the application with a key.
     */
    public function __construct(private readonly Closure $connect)
    {
        stream_set_blocking(STDIN, false);
    }

    /**
     * Carry out the lines on stdin. The process ends if the demo has.
     */
    public function obey(): void
    {
        while (($line = fgets(STDIN)) !== false) {
            ['client' => $id, 'message' => $message] = json_decode($line, true, flags: JSON_THROW_ON_ERROR);

            if ($id === null) {
                $client = ($this->connect)($message);
                $this->clients[$client->id()] = $client;
                HookReport::write('connected', $client->id());
            } else {
                $message === null ? $this->clients[$id]->close() : $this->clients[$id]->raw($message);
            }
        }

        if (feof(STDIN)) {
            exit(1);
        }
    }
}
