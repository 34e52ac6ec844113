<?php

declare(strict_types=1);

namespace Tests\Chaos;

use Closure;
use Tests\Support\FakeClient;

/**
 * The orders on stdin, one per line in the format of tests/chaos/order.rs, and the clients that carry them out.
 */
final class Orders
{
    /**
     * @var array<string, FakeClient>
     */
    private array $clients = [];

    /**
     * The channels of each client.
     *
     * @var array<string, array<string, true>>
     */
    private array $channels = [];

    private int $count = 0;

    /**
     * @param  Closure(string): FakeClient  $connect  Connects a client to the application with a key.
     * @param  bool  $leavesBeforeClose  True if the host reports each channel of a client that closes.
     */
    public function __construct(
        private readonly OrderWatch $watch,
        private readonly Closure $connect,
        private readonly bool $leavesBeforeClose = false,
    ) {
        stream_set_blocking(STDIN, false);
    }

    /**
     * Carry out the orders that have arrived. Returns false after the last order of the run.
     */
    public function carryOut(): bool
    {
        while (($line = fgets(STDIN)) !== false) {
            if (($order = rtrim($line, "\n")) === 'end') {
                return false;
            }

            $this->watch->recordOrder(++$this->count, $this->intents(...explode(' ', $order)));
        }

        // The input is closed: the run has ended.
        if (feof(STDIN)) {
            exit(1);
        }

        return true;
    }

    /**
     * Carry out an order, and return the number of intents that it became.
     */
    private function intents(string $do, string $app, string $channel, ?string $socket = null, ?string $user = null, ?string $text = null): int
    {
        if ($do === 'close') {
            return $this->close($channel);
        }

        $client = $this->clients[$socket] ??= ($this->connect)($app);

        match ($do) {
            'sub' => $client->subscribe($channel, $user === '-' ? null : ['user_id' => (int) $user, 'user_info' => []]),
            'unsub' => $client->unsubscribe($channel),
            'whisper' => $client->whisper($channel, 'client-chaos', json_decode((string) $text, true)),
        };

        if ($do === 'sub') {
            $this->channels[$socket][$channel] = true;
        } elseif ($do === 'unsub') {
            unset($this->channels[$socket][$channel]);
        }

        return 1;
    }

    private function close(string $socket): int
    {
        $left = $this->leavesBeforeClose ? count($this->channels[$socket] ?? []) : 0;
        $this->clients[$socket]->close();
        unset($this->clients[$socket], $this->channels[$socket]);

        return $left + 1;
    }
}
