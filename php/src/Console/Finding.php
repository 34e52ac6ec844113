<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console;

/**
 * A result of `check`, in the form of its JSON output.
 */
final readonly class Finding
{
    /**
     * Create a new finding. The fix is empty when there is nothing to fix, or the message says how.
     */
    public function __construct(
        public CheckResult $level,
        public string $subject,
        public string $message = '',
        public string $fix = '',
    ) {
        //
    }
}
