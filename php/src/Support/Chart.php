<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Support;

/**
 * A chart of the history: bars on top of each other, and lines in front of them. The view draws it as SVG.
 *
 * @phpstan-type Series array{name: string, tone: string, values: list<int|float|null>, line: bool}
 */
final readonly class Chart
{
    public const int WIDTH = 480;

    public const int HEIGHT = 64;

    /**
     * The gap between two bars.
     */
    private const float GAP = 0.8;

    /**
     * The greatest value.
     */
    public float $max;

    /**
     * Create a new chart.
     *
     * @param  string  $summary  What the chart shows, in words.
     * @param  list<Series>  $series
     * @param  list<bool>  $complete  False for each point to which servers may still add.
     */
    public function __construct(public string $title, public string $summary, public array $series, private array $complete)
    {
        $stacks = array_fill(0, count($complete), 0.0);
        $max = 0.0;

        foreach ($series as ['values' => $values, 'line' => $line]) {
            foreach ($values as $place => $value) {
                $max = max($max, $line ? (float) $value : $stacks[$place] += (float) $value);
            }
        }

        $this->max = $max;
    }

    /**
     * Get the bars, from the bottom to the top of each stack.
     *
     * @return list<array{x: float, y: float, width: float, height: float, class: string}>
     */
    public function bars(): array
    {
        $bars = [];
        $stacks = array_fill(0, count($this->complete), 0.0);

        foreach ($this->series as ['tone' => $tone, 'values' => $values, 'line' => $line]) {
            foreach ($line ? [] : array_filter($values) as $place => $value) {
                $bottom = $this->y($stacks[$place]);
                $top = $this->y($stacks[$place] += (float) $value);
                $bars[] = [
                    'x' => round($place * $this->step() + self::GAP / 2, 2),
                    // Even the smallest number is visible.
                    'y' => min($top, $bottom - 1),
                    'width' => round(max($this->step() - self::GAP, 0.5), 2),
                    'height' => round(max($bottom - $top, 1), 2),
                    'class' => "chart-{$tone}".($this->complete[$place] ? '' : ' incomplete'),
                ];
            }
        }

        return $bars;
    }

    /**
     * Get the lines. A line has a gap where it has no value, and a single value is a short line.
     *
     * @return list<array{class: string, points: string}>
     */
    public function lines(): array
    {
        $lines = [];

        foreach ($this->series as ['tone' => $tone, 'values' => $values, 'line' => $line]) {
            $points = [];

            foreach ($line ? [...$values, null] : [] as $place => $value) {
                if ($value !== null) {
                    $x = ($place + 0.5) * $this->step();
                    $points[] = round($x, 2).','.$this->y((float) $value);
                } elseif ($points !== []) {
                    $points = count($points) > 1 ? $points : [$points[0], round($x + $this->step() / 2, 2).','.explode(',', $points[0])[1]];
                    $lines[] = ['class' => "chart-line-{$tone}", 'points' => implode(' ', $points)];
                    $points = [];
                }
            }
        }

        return $lines;
    }

    /**
     * Get the width of a point.
     */
    private function step(): float
    {
        return self::WIDTH / max(1, count($this->complete));
    }

    /**
     * Get the height of a value, from the top.
     */
    private function y(float $value): float
    {
        return round(self::HEIGHT - 1 - ($this->max > 0 ? $value / $this->max : 0) * (self::HEIGHT - 2), 2);
    }
}
