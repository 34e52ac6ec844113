<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Events;

/**
 * An operation of an operator.
 */
enum Operation: string
{
    /** Pause an endpoint. */
    case Pause = 'pause';

    /** Resume a paused endpoint. */
    case Resume = 'resume';

    /** Send dead letters again. */
    case Retry = 'retry';

    /** Delete dead letters. */
    case Forget = 'forget';

    /** Adopt the data of a renamed application. */
    case Adopt = 'adopt';
}
