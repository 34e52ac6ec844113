<?php

declare(strict_types=1);

namespace Tests\Soak;

use Random\Engine\Xoshiro256StarStar;
use Random\Randomizer;
use Tests\Support\Quietly;
use Tests\Support\RedisServer;
use Tests\Support\Wait;

/**
 * Random faults of Redis and the receiver, one at a time.
 */
final class Faults
{
    private const array KINDS = ['receiver slow', 'receiver fails', 'receiver hangs', 'receiver closes', 'redis hangs', 'redis restarts', 'redis drops'];

    /**
     * The seconds without a fault between two, from and to.
     */
    private const array CALM = [15, 30];

    /**
     * The seconds that a fault lasts.
     */
    private const array LASTS = [2, 8];

    public private(set) int $count = 0;

    private readonly Randomizer $random;

    private readonly int $redisPid;

    private ?string $current = null;

    public function __construct(private readonly RedisServer $redis, private readonly Receiver $receiver, int $seed)
    {
        $this->random = new Randomizer(new Xoshiro256StarStar($seed));
        preg_match('/^process_id:(\d+)/m', $redis->command('INFO', 'server')[0], $match);
        $this->redisPid = (int) $match[1];
    }

    /**
     * Get the current fault.
     */
    public function current(): ?string
    {
        return $this->current;
    }

    /**
     * Determine if Redis answers now.
     */
    public function hasRedis(): bool
    {
        return ! str_starts_with($this->current ?? '', 'redis');
    }

    /**
     * Make faults until this time. All kinds come before one comes again.
     */
    public function run(float $until): void
    {
        for ($kinds = []; ; $this->count++) {
            Wait::pause($this->random->getInt(...self::CALM));
            $kinds = $kinds ?: $this->random->shuffleArray(self::KINDS);
            $seconds = $this->random->getInt(...self::LASTS);

            if (microtime(true) + $seconds > $until) {
                return;
            }

            $this->current = array_pop($kinds);
            $this->make($this->current, $seconds);
            $this->current = null;
        }
    }

    private function make(string $fault, int $seconds): void
    {
        match ($fault) {
            'receiver slow' => $this->receiver->mode = ReceiverMode::Slow,
            'receiver fails' => $this->receiver->mode = ReceiverMode::Failing,
            'receiver hangs' => $this->receiver->mode = ReceiverMode::Hanging,
            'receiver closes' => $this->receiver->mode = ReceiverMode::Closing,
            'redis hangs' => posix_kill($this->redisPid, SIGSTOP),
            // The process stays the same. The connection ends without a reply.
            'redis restarts' => Quietly::call($this->redis->command(...), 'DEBUG', 'RESTART'),
            'redis drops' => null,
        };

        for (; $seconds > 0; $seconds--) {
            if ($fault === 'redis drops') {
                $this->redis->command('CLIENT', 'KILL', 'TYPE', 'normal');
            }

            Wait::pause(1);
        }

        posix_kill($this->redisPid, SIGCONT);
        $this->receiver->recover();
    }
}
