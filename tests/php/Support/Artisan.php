<?php

declare(strict_types=1);

namespace Tests\Support;

use Illuminate\Contracts\Console\Kernel;
use Illuminate\Foundation\Application;
use PHPUnit\Framework\TestCase;

/**
 * Runs Artisan commands of a real application with this package.
 */
final class Artisan
{
    public readonly Application $laravel;

    private readonly TestApplication $application;

    /**
     * @param  array<string, mixed>  $webhooks
     */
    public function __construct(array $webhooks)
    {
        $this->application = new TestApplication($webhooks);
        $this->laravel = $this->application->laravel;
    }

    /**
     * Run a command without interaction, and return its exit code and its output without the filling dots.
     *
     * @param  array<string, mixed>  $arguments
     * @return array{int, string}
     */
    public function call(string $command, array $arguments = [], string $prefix = 'resonate-webhooks:'): array
    {
        $kernel = $this->laravel->make(Kernel::class);
        $code = $kernel->call($prefix.$command, [...$arguments, '--no-interaction' => true]);

        return [$code, (string) preg_replace('/ ?\.{2,} ?/', ' ', $kernel->output())];
    }

    /**
     * Remove the application.
     */
    public function remove(?TestCase $test = null): void
    {
        $this->application->remove($test);
    }
}
