<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console;

use Webpatser\ResonateWebhooks\Support\Tone;

/**
 * The result of a check.
 */
enum CheckResult: string
{
    case Ok = 'ok';
    case Warning = 'warning';
    case Error = 'error';

    /**
     * Get the tone that shows the result.
     */
    public function tone(): Tone
    {
        return match ($this) {
            self::Ok => Tone::Good,
            self::Warning => Tone::Warning,
            self::Error => Tone::Bad,
        };
    }
}
