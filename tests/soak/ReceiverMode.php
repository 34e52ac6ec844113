<?php

declare(strict_types=1);

namespace Tests\Soak;

/**
 * The way in which a receiver answers.
 */
enum ReceiverMode
{
    case Working;
    case Slow;
    case Failing;
    case Hanging;
    case Closing;
}
