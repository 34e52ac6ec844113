<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console;

use Webpatser\ResonateWebhooks\Support\Tone;

/**
 * The result of a step of the installation.
 */
enum InstallResult: string
{
    case Done = 'done';
    case Unchanged = 'unchanged';
    case Manual = 'to do';

    /**
     * Get the tone in which the result is shown.
     */
    public function tone(): Tone
    {
        return match ($this) {
            self::Done => Tone::Good,
            self::Unchanged => Tone::Neutral,
            self::Manual => Tone::Warning,
        };
    }
}
