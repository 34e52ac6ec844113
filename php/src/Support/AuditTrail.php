<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Support;

use Illuminate\Contracts\Container\Container;
use Illuminate\Contracts\Debug\ExceptionHandler;
use Illuminate\Support\Facades\Log;
use Throwable;
use Webpatser\ResonateWebhooks\Events\Operation;
use Webpatser\ResonateWebhooks\Events\OperatorActed;

/**
 * Records the operations of operators in the log and as an event.
 */
final class AuditTrail
{
    /**
     * Create a new audit trail.
     */
    public function __construct(private readonly Container $container)
    {
        //
    }

    /**
     * Record an operation if it changed anything. Exceptions of the log or of listeners are reported, not thrown, since the
     * operation cannot be undone.
     *
     * @param  list<string>  $ids
     */
    public function record(Operation $operation, array $ids, int $count): void
    {
        if ($count === 0) {
            return;
        }

        try {
            // runningInConsole() is true in queued jobs and in tests, so the route indicates a web request.
            $request = request()->route() === null ? null : request();
            $by = $request === null ? self::processUser() : $request->user()?->getAuthIdentifier();
            $event = new OperatorActed($operation, $ids, $count, $by === null ? null : (string) $by, $request === null ? 'console' : 'web');

            // IDs come from outside. As context, they cannot forge a log line.
            Log::info("Resonate webhooks: operator action \"{$operation->value}\"", [
                'ids' => $ids, 'count' => $count, 'by' => $event->by, 'via' => $event->via,
            ]);

            event($event);
        } catch (Throwable $e) {
            $this->container->make(ExceptionHandler::class)->report($e);
        }
    }

    /**
     * Get the user of this process; behind sudo, the user who called it.
     */
    private static function processUser(): string
    {
        $user = getenv('SUDO_USER') ?: (function_exists('posix_geteuid') ? posix_getpwuid(posix_geteuid())['name'] ?? '' : getenv('USER'));

        return ($user ?: 'unknown').'@'.gethostname();
    }
}
