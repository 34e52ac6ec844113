<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Support;

/**
 * The tone of a state. The value is part of its CSS class on the dashboard.
 */
enum Tone: string
{
    case Good = 'good';
    case Warning = 'warn';
    case Bad = 'bad';
    case Neutral = 'neutral';

    /**
     * Format a state for the console.
     */
    public function badge(string $state): string
    {
        $style = match ($this) {
            self::Good => 'fg=green;options=bold',
            self::Warning => 'fg=yellow;options=bold',
            self::Bad => 'fg=red;options=bold',
            self::Neutral => 'fg=gray',
        };

        return "<{$style}>".strtoupper($state).'</>';
    }
}
