<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Exceptions;

use InvalidArgumentException;

/**
 * A value in the `resonate-webhooks` config is invalid. The message names its key.
 */
class InvalidConfig extends InvalidArgumentException implements WebhooksException
{
    //
}
