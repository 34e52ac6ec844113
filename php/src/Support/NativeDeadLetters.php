<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Support;

use Webpatser\ResonateWebhooks\Contracts\DeadLetters as DeadLettersContract;
use Webpatser\ResonateWebhooks\Events\Operation;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;
use Webpatser\ResonateWebhooks\Native\DeadLetters;
use Webpatser\ResonateWebhooks\Settings;

/**
 * Reads dead letters from Redis through the extension, and records operations.
 */
final class NativeDeadLetters implements DeadLettersContract
{
    private ?DeadLetters $native = null;

    /**
     * Create a new instance. It connects when it is first used.
     */
    public function __construct(private readonly AuditTrail $audit)
    {
        //
    }

    public function count(): int
    {
        return $this->native()->count();
    }

    public function find(string $id): ?array
    {
        return $this->native()->find($id);
    }

    public function list(int $limit = 50, ?string $before = null): array
    {
        return $this->native()->list($limit, $before);
    }

    public function retry(array $ids): int
    {
        $found = $this->native()->retry($ids);
        $this->audit->record(Operation::Retry, $ids, $found);

        return $found;
    }

    public function retryAll(): int
    {
        $found = $this->native()->retryAll();
        $this->audit->record(Operation::Retry, [], $found);

        return $found;
    }

    public function forget(array $ids): int
    {
        $found = $this->native()->forget($ids);
        $this->audit->record(Operation::Forget, $ids, $found);

        return $found;
    }

    public function missing(): array
    {
        return $this->native?->missing() ?? [];
    }

    public function flush(int $olderThan = 0): int
    {
        $found = $this->native()->flush($olderThan);
        $this->audit->record(Operation::Forget, [], $found);

        return $found;
    }

    /**
     * Get the native dead letters. The settings are read first, since they report a missing extension by name.
     *
     * @throws WebhooksException
     */
    private function native(): DeadLetters
    {
        if ($this->native === null) {
            $settings = Settings::forExtension();
            $this->native = new DeadLetters($settings);
        }

        return $this->native;
    }
}
