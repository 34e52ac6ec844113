<?php

declare(strict_types=1);

namespace Demo\Node;

use Demo\Lines;
use Demo\Script\Verb;
use Illuminate\Foundation\Application;
use Revolt\EventLoop;
use RuntimeException;
use Tests\Support\FakeClient;
use Tests\Support\FakeServer;

/**
 * The tests' stand-in for Resonate's server, with clients that obey the lines on stdin.
 */
final class StandinServer
{
    private readonly FakeServer $server;

    /**
     * @var array<string, FakeClient> by tab
     */
    private array $clients = [];

    public function __construct(Application $laravel)
    {
        $this->server = new FakeServer($laravel);
    }

    /**
     * Serve until SIGTERM comes, or stdin ends.
     */
    public function run(): int
    {
        EventLoop::onSignal(SIGTERM, EventLoop::getDriver()->stop(...));
        // Ctrl-C reaches this process too; its end is the demo's business.
        EventLoop::onSignal(SIGINT, fn () => null);
        Lines::hear(STDIN, $this->obey(...), EventLoop::getDriver()->stop(...));

        Reports::hook('ready', (string) getmypid());
        EventLoop::run();
        $this->server->stop();

        return 0;
    }

    /**
     * @param  array<string, mixed>  $line
     */
    private function obey(array $line): void
    {
        ['verb' => $verb, 'tab' => $tab] = $line;

        match (Verb::from($verb)) {
            Verb::Open => $this->open($tab, $line['key']),
            Verb::Subscribe => $this->subscribe($tab, $line['channel'], $line['user']),
            Verb::Whisper => $this->clients[$tab]->whisper($line['channel'], $line['event'], $line['data']),
            Verb::Unsubscribe => $this->clients[$tab]->unsubscribe($line['channel']),
            Verb::Close => $this->clients[$tab]->close(),
        };

        foreach ($this->clients[$tab]->received('pusher:error') as $error) {
            throw new RuntimeException("{$tab}: {$verb}: {$error['data']}");
        }
    }

    private function open(string $tab, string $key): void
    {
        $this->clients[$tab] = $this->server->connect($key);
        Reports::hook('connected', $tab, socket: $this->clients[$tab]->id());
    }

    private function subscribe(string $tab, string $channel, int|string $user): void
    {
        str_starts_with($channel, 'presence-')
            ? $this->clients[$tab]->join($channel, $user)
            : $this->clients[$tab]->subscribe($channel);
    }
}
