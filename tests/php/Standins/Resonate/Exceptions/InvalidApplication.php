<?php

declare(strict_types=1);

namespace Webpatser\Resonate\Exceptions;

use Exception;

class InvalidApplication extends Exception
{
    //
}
