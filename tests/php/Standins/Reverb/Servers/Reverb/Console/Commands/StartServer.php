<?php

declare(strict_types=1);

namespace Laravel\Reverb\Servers\Reverb\Console\Commands;

use Illuminate\Console\Command;
use Illuminate\Support\Facades\Cache;
use Laravel\Reverb\Contracts\ApplicationProvider;
use Laravel\Reverb\Protocols\Pusher\Contracts\ChannelConnectionManager;
use Laravel\Reverb\Protocols\Pusher\Contracts\ChannelManager;
use Laravel\Reverb\Protocols\Pusher\Managers\ArrayChannelConnectionManager;
use Laravel\Reverb\Protocols\Pusher\Managers\ArrayChannelManager;
use Laravel\Reverb\Protocols\Pusher\Server;
use React\EventLoop\Loop;
use RuntimeException;
use Symfony\Component\Console\Attribute\AsCommand;
use Symfony\Component\Console\Command\SignalableCommandInterface;
use Throwable;

/**
 * Runs the server on React's loop. An exception from the loop ends it silently.
 */
#[AsCommand(name: 'reverb:start')]
class StartServer extends Command implements SignalableCommandInterface
{
    /**
     * @var string
     */
    protected $signature = 'reverb:start {--host=} {--port=}';

    public function handle(): void
    {
        $this->laravel->singletonIf(ChannelManager::class, ArrayChannelManager::class);
        $this->laravel->bindIf(ChannelConnectionManager::class, ArrayChannelConnectionManager::class);
        $this->laravel->make(Server::class);

        $socket = stream_socket_server("tcp://{$this->option('host')}:{$this->option('port')}") ?: throw new RuntimeException('the port is taken');
        $loop = Loop::get();
        $lastRestart = Cache::get('laravel:reverb:restart');

        // The real one checks every 5 s.
        $loop->addPeriodicTimer(0.1, function () use ($loop, $lastRestart): void {
            if (Cache::get('laravel:reverb:restart') !== $lastRestart) {
                $this->disconnectAll();
                $loop->stop();
            }
        });

        try {
            $loop->run();
        } catch (Throwable) {
            //
        }

        fclose($socket);
    }

    /**
     * @return list<int>
     */
    public function getSubscribedSignals(): array
    {
        return [SIGINT, SIGTERM, SIGTSTP];
    }

    public function handleSignal(int $signal, int|false $previousExitCode = 0): int|false
    {
        $this->disconnectAll();

        return $previousExitCode;
    }

    private function disconnectAll(): void
    {
        foreach ($this->laravel->make(ApplicationProvider::class)->all() as $application) {
            foreach ($this->laravel->make(ChannelManager::class)->for($application)->connections() as $member) {
                $member->connection()->disconnect();
            }
        }
    }
}
