<?php

declare(strict_types=1);

namespace Webpatser\Resonate\Plugins\Contracts;

use Webpatser\Resonate\Contracts\Connection;
use Webpatser\Resonate\Plugins\MessageDisposition;

interface MessageInterceptor
{
    public function onMessage(Connection $from, array $event): MessageDisposition;
}
