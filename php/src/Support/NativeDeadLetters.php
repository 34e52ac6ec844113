<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Support;

use Webpatser\ResonateWebhooks\Contracts\DeadLetters as DeadLettersContract;
use Webpatser\ResonateWebhooks\Events\Operation;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;
use Webpatser\ResonateWebhooks\Native\DeadLetters;
use Webpatser\ResonateWebhooks\Settings;

/**
 * Asks Redis by means of the extension, and records what operators do.
 */
final class NativeDeadLetters implements DeadLettersContract
{
    private ?DeadLetters $native = null;

    /**
     * Create a new instance; connects when it is first used.
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

    public function flush(int $olderThan = 0): int
    {
        $found = $this->native()->flush($olderThan);
        $this->audit->record(Operation::Forget, [], $found);

        return $found;
    }

    /**
     * The native side. The settings come first: PHP looks for a class before it works out what its constructor gets, and a
     * missing extension would only be a class that is not found.
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
