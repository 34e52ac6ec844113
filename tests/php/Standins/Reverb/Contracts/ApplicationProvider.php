<?php

declare(strict_types=1);

namespace Laravel\Reverb\Contracts;

use Illuminate\Support\Collection;
use Laravel\Reverb\Application;

interface ApplicationProvider
{
    public function all(): Collection;

    public function findById(string $id): Application;

    public function findByKey(string $key): Application;
}
