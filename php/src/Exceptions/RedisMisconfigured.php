<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Exceptions;

/**
 * Redis answered, but its setup or the connection settings must change first. The message says how.
 */
class RedisMisconfigured extends RedisFailed
{
    //
}
