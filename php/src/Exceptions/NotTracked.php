<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Exceptions;

use LogicException;

/**
 * The servers do not track what was asked for. The message names the setting that changes that.
 */
class NotTracked extends LogicException implements WebhooksException
{
    //
}
