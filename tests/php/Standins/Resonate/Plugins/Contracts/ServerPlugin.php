<?php

declare(strict_types=1);

namespace Webpatser\Resonate\Plugins\Contracts;

use Webpatser\Resonate\Plugins\PluginContext;

interface ServerPlugin
{
    public function boot(PluginContext $context): void;
}
