<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Support;

use Webpatser\ResonateWebhooks\Contracts\Cluster;

/**
 * Turns a history of the cluster into charts, sentences and rows of a table.
 */
final readonly class HistoryCharts
{
    /**
     * The causes of failed attempts, with their names and tones.
     */
    private const array CAUSES = [
        'http_4xx' => ['HTTP 4xx', 'warn'], 'http_5xx' => ['HTTP 5xx', 'bad'], 'http_other' => ['other status', 'muted'], 'no_answer' => ['no answer', 'accent'],
    ];

    /**
     * Create a new instance.
     *
     * @param  list<array<string, mixed>>  $attempts
     * @param  list<array<string, mixed>>  $load  Empty if the load is not shown.
     * @param  int  $minutes  The minutes of a point.
     */
    private function __construct(public array $attempts, public array $load, private int $minutes)
    {
        //
    }

    /**
     * Take the attempts to all endpoints, and the load of the servers.
     *
     * @param  array<string, mixed>  $history  From {@see Cluster::history()}.
     */
    public static function ofAll(array $history): self
    {
        return new self($history['attempts'], $history['load'], intdiv($history['step_ms'], 60_000));
    }

    /**
     * Take the attempts to an endpoint.
     *
     * @param  array<string, mixed>  $history
     */
    public static function ofEndpoint(array $history, string $id): self
    {
        return new self($history['endpoints'][$id] ?? [], [], intdiv($history['step_ms'], 60_000));
    }

    /**
     * Get all charts.
     *
     * @return list<Chart>
     */
    public function charts(): array
    {
        return [
            $this->requests(), $this->failures(), $this->latency(),
            ...$this->load === [] ? [] : [$this->events(), $this->queue(), $this->lag()],
        ];
    }

    /**
     * Draw delivered and failed attempts, and batches that were given up.
     */
    public function requests(): Chart
    {
        return $this->chart('Requests', $this->summary(), [
            $this->series('delivered', 'good', array_column($this->attempts, 'delivered')),
            $this->series('failed', 'bad', array_column($this->attempts, 'failed')),
            $this->series('given up', 'warn', array_column($this->attempts, 'given_up'), line: true),
        ]);
    }

    /**
     * Describe the attempts: "12 requests delivered, 3 attempts failed, 1 given up".
     */
    public function summary(): string
    {
        return sprintf('%s delivered, %s failed, %s given up', Format::count($this->sum('delivered'), 'request'),
            Format::count($this->sum('failed'), 'attempt'), Format::number($this->sum('given_up')));
    }

    /**
     * Describe the failed attempts by reason, most frequent first; an empty string if there are none.
     */
    public function reasons(): string
    {
        $counts = array_filter(array_combine(
            array_column(self::CAUSES, 0),
            array_map(fn (string $cause) => array_sum($this->causes($cause)), array_keys(self::CAUSES)),
        ));
        arsort($counts);

        return implode(', ', array_map(fn (string $name, int $count) => Format::number($count)." × {$name}", array_keys($counts), $counts));
    }

    /**
     * Name the points to which servers may still add, such as "The minute 12:34 is incomplete."
     */
    public function incomplete(): string
    {
        $times = array_map(fn (array $point) => Format::time($point['from_ms']), array_values(array_filter($this->attempts, fn (array $point) => ! $point['complete'])));
        $list = implode(' and ', $times);

        return match (true) {
            $times === [] => '',
            $this->minutes > 1 => "The {$this->minutes} minutes from {$list} are incomplete.",
            count($times) > 1 => "The minutes {$list} are incomplete.",
            default => "The minute {$list} is incomplete.",
        };
    }

    /**
     * Say how long a point is: "A bar is 15 minutes."
     */
    public function scale(): string
    {
        return $this->minutes === 1 ? 'A bar is a minute.' : "A bar is {$this->minutes} minutes.";
    }

    /**
     * Get the start of the first point and the end of the last one, as times of day.
     *
     * @return array{string, string}
     */
    public function span(): array
    {
        $starts = array_column($this->attempts, 'from_ms');

        return $starts === [] ? ['', ''] : [Format::time($starts[0]), Format::time(max($starts) + $this->minutes * 60_000)];
    }

    /**
     * Get the rows of a table, newest first, without points in which nothing happened.
     *
     * @return list<array<string, mixed>>
     */
    public function rows(): array
    {
        $rows = [];

        foreach ($this->attempts as $place => $point) {
            $row = $point + ['load' => $this->load[$place] ?? null];
            $happened = $point['delivered'] + $point['failed'] + $point['given_up'] + array_sum(array_diff_key($row['load'] ?? [], ['from_ms' => 0, 'complete' => 0]));

            if ($happened > 0) {
                array_unshift($rows, $row + ['time' => Format::time($point['from_ms'])]);
            }
        }

        return $rows;
    }

    /**
     * Get the counts of delivered and failed attempts together, for a sparkline.
     *
     * @return list<int>
     */
    public function totals(): array
    {
        return array_map(fn (array $point) => $point['delivered'] + $point['failed'], $this->attempts);
    }

    /**
     * Get the greatest number of a column of the load.
     */
    public function most(string $column): int
    {
        return max([0, ...array_column($this->load, $column)]);
    }

    private function failures(): Chart
    {
        return $this->chart('Failures by reason', $this->reasons() ?: 'No failures.', array_map(
            fn (string $cause) => $this->series(self::CAUSES[$cause][0], self::CAUSES[$cause][1], $this->causes($cause)), array_keys(self::CAUSES),
        ));
    }

    private function latency(): Chart
    {
        [$p50, $p95] = [array_column($this->attempts, 'p50_ms'), array_column($this->attempts, 'p95_ms')];
        $slowest = max([0, ...array_map(floatval(...), $p95)]);

        return $this->chart('Latency in ms', $slowest > 0 ? 'The greatest p95 was '.Format::duration($slowest).'.' : 'No attempts.', [
            $this->series('p50', 'accent', $p50, line: true), $this->series('p95', 'warn', $p95, line: true),
        ]);
    }

    private function events(): Chart
    {
        [$accepted, $delivered, $calls] = array_map(fn (string $column) => array_column($this->load, $column), ['events', 'events_delivered', 'intents']);

        return $this->chart('Events', sprintf('%s accepted, %s delivered, %s.', Format::count(array_sum($accepted), 'event'),
            Format::number(array_sum($delivered)), Format::count(array_sum($calls), 'hook call')), [
                $this->series('accepted', 'accent', $accepted, line: true),
                $this->series('delivered', 'good', $delivered, line: true),
                $this->series('hook calls', 'muted', $calls, line: true),
            ]);
    }

    private function queue(): Chart
    {
        return $this->chart('Queues of a server', sprintf('At most %s and %s waited on one server.',
            Format::count($this->most('queued_events'), 'event'), Format::count($this->most('queued_intents'), 'hook call')), [
                $this->series('events', 'accent', array_column($this->load, 'queued_events'), line: true),
                $this->series('hook calls', 'muted', array_column($this->load, 'queued_intents'), line: true),
            ]);
    }

    private function lag(): Chart
    {
        return $this->chart('Lag in s', 'The oldest waiting event was '.Format::duration($this->most('lag_ms')).' old.', [
            $this->series('oldest waiting event', 'warn', array_map(fn (array $point) => $point['lag_ms'] / 1000, $this->load)),
        ]);
    }

    /**
     * @param  list<array{name: string, tone: string, values: list<int|float|null>, line: bool}>  $series
     */
    private function chart(string $title, string $summary, array $series): Chart
    {
        return new Chart($title, $summary, $series, array_column($this->attempts, 'complete'));
    }

    /**
     * @param  list<int|float|null>  $values
     * @return array{name: string, tone: string, values: list<int|float|null>, line: bool}
     */
    private function series(string $name, string $tone, array $values, bool $line = false): array
    {
        return ['name' => $name, 'tone' => $tone, 'values' => $values, 'line' => $line];
    }

    /**
     * @return list<int>
     */
    private function causes(string $cause): array
    {
        return array_map(fn (array $point) => $point['failures'][$cause], $this->attempts);
    }

    private function sum(string $column): int
    {
        return array_sum(array_column($this->attempts, $column));
    }
}
