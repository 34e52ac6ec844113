<?php

declare(strict_types=1);

namespace Laravel\Reverb\Servers\Reverb\Console\Commands;

use Illuminate\Console\Command;
use Illuminate\Support\Facades\Cache;
use Symfony\Component\Console\Attribute\AsCommand;

#[AsCommand(name: 'reverb:restart')]
class RestartServer extends Command
{
    /**
     * @var string
     */
    protected $signature = 'reverb:restart';

    public function handle(): void
    {
        Cache::forever('laravel:reverb:restart', now()->getTimestamp());
    }
}
