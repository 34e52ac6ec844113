<?php

declare(strict_types=1);

namespace Demo\Node;

use Demo\Lines;
use Illuminate\Contracts\Console\Kernel;
use Illuminate\Foundation\Application;
use Symfony\Component\Console\Input\ArrayInput;
use Symfony\Component\Console\Output\ConsoleOutput;
use Webpatser\Resonate\Console\Commands\StartServer;

/**
 * The real Resonate, started as everybody starts it.
 */
final readonly class ResonateServer
{
    public function __construct(private Application $laravel) {}

    /**
     * Whether it is installed.
     */
    public static function isInstalled(): bool
    {
        return class_exists(StartServer::class);
    }

    /**
     * Serve until SIGTERM comes, or stdin ends.
     */
    public function run(): int
    {
        Lines::hear(STDIN, fn () => null, fn () => exit(1));

        return $this->laravel->make(Kernel::class)->handle(
            new ArrayInput(['command' => 'resonate:start']), new ConsoleOutput,
        );
    }
}
