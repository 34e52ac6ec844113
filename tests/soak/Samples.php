<?php

declare(strict_types=1);

namespace Tests\Soak;

use RuntimeException;

/**
 * Samples of a server over time, and the check that nothing grows.
 */
final class Samples
{
    /**
     * The seconds after a fault in which the backlog is delivered. Their samples do not count.
     */
    private const float SETTLES = 8.0;

    /**
     * The growth from the second third of the run to the last one that counts as flat: a part, and a number on top.
     */
    private const array ALLOWED = ['resident' => [0.1, 4 << 20], 'redis' => [0.1, 2 << 20], 'descriptors' => [0, 2], 'threads' => [0, 0]];

    /**
     * @var list<array{at: float, fault: string|null, events: int, resident: int, descriptors: int, threads: int, redis: int|null}>
     */
    public private(set) array $all = [];

    /**
     * @param  array<string, int|null>  $numbers
     */
    public function add(float $at, ?string $fault, array $numbers): void
    {
        $this->all[] = compact('at', 'fault') + $numbers;
    }

    /**
     * Get the mean number of events a second.
     */
    public function rate(): float
    {
        return $this->all[array_key_last($this->all)]['events'] / max(1, $this->seconds());
    }

    /**
     * Get the duration in seconds.
     */
    public function seconds(): float
    {
        return $this->all[array_key_last($this->all)]['at'];
    }

    /**
     * Get a text for each number that has grown.
     *
     * @return list<string>
     */
    public function growths(): array
    {
        $growths = [];

        foreach (self::ALLOWED as $name => [$part, $number]) {
            [, $second, $last] = $this->medians($name);

            if ($last > $second * (1 + $part) + $number) {
                $growths[] = "{$name}: {$second} in the second third, {$last} in the last one";
            }
        }

        return $growths;
    }

    /**
     * Get a line for each number.
     *
     * @return list<string>
     */
    public function summary(): array
    {
        return array_map(fn (string $name) => "{$name} by thirds: ".implode(', ', array_map('number_format', $this->medians($name))), array_keys(self::ALLOWED));
    }

    /**
     * Get all samples as CSV.
     */
    public function csv(): string
    {
        $rows = array_map(fn (array $sample) => sprintf('%.1f,%s', $sample['at'], implode(',', array_slice($sample, 1))), $this->all);

        return implode("\n", [implode(',', array_keys($this->all[0])), ...$rows])."\n";
    }

    /**
     * Get the median of a number in each third of the run, without faults and the time after them.
     *
     * @return array{int, int, int}
     */
    private function medians(string $name): array
    {
        $thirds = [[], [], []];
        $calmFrom = 0.0;

        foreach ($this->all as $sample) {
            if ($sample['fault'] !== null) {
                $calmFrom = $sample['at'] + self::SETTLES;
            } elseif ($sample['at'] >= $calmFrom && $sample[$name] !== null) {
                $thirds[min(2, (int) (3 * $sample['at'] / $this->seconds()))][] = $sample[$name];
            }
        }

        return array_map(static function (array $numbers): int {
            $numbers !== [] || throw new RuntimeException('A third of the run has no samples without a fault: let it run longer.');
            sort($numbers);

            return $numbers[intdiv(count($numbers), 2)];
        }, $thirds);
    }
}
