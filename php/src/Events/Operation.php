<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Events;

/**
 * What an operator can do to webhooks.
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
