<?php

declare(strict_types=1);

namespace Demo\Script;

/**
 * What a tab can do.
 */
enum Verb: string
{
    case Open = 'open';
    case Subscribe = 'subscribe';
    case Whisper = 'whisper';
    case Unsubscribe = 'unsubscribe';
    case Close = 'close';
}
