<?php

declare(strict_types=1);

namespace Demo\Check;

/**
 * What the checker thinks of an event that arrived.
 */
enum Judgement: string
{
    case Expected = 'expected';
    case Duplicate = 'duplicate';
    case Unexpected = 'unexpected';
    case OutOfOrder = 'out of order';
}
