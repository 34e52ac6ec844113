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
 * Records what operators change, as a log line and an event.
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
     * Record an operation that changed something. It has happened, so that a log or a listener that throws is only reported.
     *
     * @param  list<string>  $ids
     */
    public function record(Operation $operation, array $ids, int $count): void
    {
        if ($count === 0) {
            return;
        }

        try {
            // A queued job and a test run in the console; a request that has a route is somebody's.
            $request = request()->route() === null ? null : request();
            $by = $request === null ? self::userOfMachine() : $request->user()?->getAuthIdentifier();
            $event = new OperatorActed($operation, $ids, $count, $by === null ? null : (string) $by, $request === null ? 'console' : 'web');

            // Names come from outside: as context they cannot forge a line.
            Log::info("Resonate webhooks: operator action \"{$operation->value}\"", [
                'ids' => $ids, 'count' => $count, 'by' => $event->by, 'via' => $event->via,
            ]);

            event($event);
        } catch (Throwable $e) {
            $this->container->make(ExceptionHandler::class)->report($e);
        }
    }

    /**
     * The user whose process this is; behind sudo, the person and not the account.
     */
    private static function userOfMachine(): string
    {
        $user = getenv('SUDO_USER') ?: (function_exists('posix_geteuid') ? posix_getpwuid(posix_geteuid())['name'] ?? '' : getenv('USER'));

        return ($user ?: 'unknown').'@'.gethostname();
    }
}
