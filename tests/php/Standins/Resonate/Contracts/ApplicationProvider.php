<?php

declare(strict_types=1);

namespace Webpatser\Resonate\Contracts;

use Illuminate\Support\Collection;
use Webpatser\Resonate\Application;

interface ApplicationProvider
{
    public function all(): Collection;

    public function findById(string $id): Application;

    public function findByKey(string $key): Application;
}
