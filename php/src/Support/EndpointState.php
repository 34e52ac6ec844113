<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Support;

/**
 * The state of an endpoint across all servers.
 */
enum EndpointState: string
{
    case Ok = 'ok';

    /** The last attempt failed. */
    case Failing = 'failing';

    case Paused = 'paused';

    /** The pause has ended, but a server still reports it. */
    case Resuming = 'resuming';

    /** The endpoint answered 410 Gone. */
    case Disabled = 'disabled';

    /** No server has reported the endpoint. */
    case Unreported = 'unreported';

    /**
     * Get the state that a server reported. A newer server may report others.
     */
    public static function of(string $state): self
    {
        return self::tryFrom($state) ?? self::Failing;
    }

    /**
     * Determine if the endpoint needs an operator.
     */
    public function needsAttention(): bool
    {
        return $this === self::Failing || $this === self::Disabled;
    }

    /**
     * Get the label for commands and the dashboard.
     */
    public function label(): string
    {
        return $this === self::Unreported ? 'not reported' : $this->value;
    }

    /**
     * Get the tone in which commands and the dashboard show the state.
     */
    public function tone(): Tone
    {
        return match ($this) {
            self::Ok => Tone::Good,
            self::Paused, self::Resuming => Tone::Warning,
            self::Failing, self::Disabled => Tone::Bad,
            self::Unreported => Tone::Neutral,
        };
    }
}
