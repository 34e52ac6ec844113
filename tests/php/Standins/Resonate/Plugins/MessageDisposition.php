<?php

declare(strict_types=1);

namespace Webpatser\Resonate\Plugins;

enum MessageDisposition
{
    case Handled;
    case Rejected;
    case Relay;
}
