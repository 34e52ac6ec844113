<?php

declare(strict_types=1);

namespace Tests\Soak;

use Closure;

/**
 * Draws samples as SVG: a panel for each number, with the faults in the background.
 */
final readonly class Plot
{
    private const int LEFT = 70;

    private const int WIDTH = 640;

    private const int HEIGHT = 90;

    private const int GAP = 36;

    public function __construct(private Samples $samples) {}

    /**
     * Draw all panels.
     */
    public function draw(string $title): string
    {
        $panels = [
            'server, resident MB' => fn (array $sample) => $sample['resident'] / 1e6,
            'Redis, used MB' => fn (array $sample) => $sample['redis'] === null ? null : $sample['redis'] / 1e6,
            'descriptors of the server' => fn (array $sample) => $sample['descriptors'],
            'threads of the server' => fn (array $sample) => $sample['threads'],
            'thousand events a second' => $this->rate(...),
        ];
        $svg = '';

        foreach (array_keys($panels) as $n => $name) {
            $svg .= $this->panel(60 + $n * (self::HEIGHT + self::GAP), $name, $panels[$name]);
        }

        $height = 60 + count($panels) * (self::HEIGHT + self::GAP) + 10;
        $svg .= self::text(self::LEFT, $height - 12, 'Minutes. Grey: a fault of Redis or the receiver.');

        return sprintf(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#333\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n%s%s</svg>\n",
            self::LEFT + self::WIDTH + 30, $height, self::text(self::LEFT, 24, $title, 'font-size="14"'), $svg,
        );
    }

    /**
     * @param  Closure(array<string, mixed>, int): (float|int|null)  $value
     */
    private function panel(int $top, string $name, Closure $value): string
    {
        $values = array_map($value, $this->samples->all, array_keys($this->samples->all));
        $most = max(1, ...array_filter($values, is_numeric(...))) * 1.1;
        $y = fn (float $value): float => $top + self::HEIGHT * (1 - $value / $most);
        $svg = $this->faults($top).self::text(self::LEFT, $top - 6, $name);

        foreach ([0, $most / 2.2, $most / 1.1] as $line) {
            $svg .= sprintf("<path d=\"M%d %.1fh%d\" stroke=\"#ddd\"/>\n", self::LEFT, $y($line), self::WIDTH);
            $svg .= self::text(self::LEFT - 6, $y($line) + 4, sprintf('%.3g', $line), 'text-anchor="end"');
        }

        $points = '';

        foreach ($this->samples->all as $n => $sample) {
            $points .= $values[$n] === null ? '' : sprintf('%.1f,%.1f ', $this->x($sample['at']), $y($values[$n]));
        }

        $svg .= "<polyline points=\"{$points}\" fill=\"none\" stroke=\"#1f6f43\" stroke-width=\"1.2\"/>\n";
        $minutes = $this->samples->seconds() / 60;

        for ($part = 0; $part <= 6; $part++) {
            $svg .= self::text(self::LEFT + self::WIDTH * $part / 6, $top + self::HEIGHT + 14, sprintf('%.3g', $minutes * $part / 6), 'text-anchor="middle" font-size="10"');
        }

        return $svg;
    }

    /**
     * Get the events of a second since the previous sample, in thousands.
     *
     * @param  array<string, mixed>  $sample
     */
    private function rate(array $sample, int $n): float
    {
        $before = $this->samples->all[$n - 1] ?? null;

        return $before === null ? 0.0 : ($sample['events'] - $before['events']) / ($sample['at'] - $before['at']) / 1000;
    }

    private function faults(int $top): string
    {
        [$svg, $from] = ['', null];

        foreach ($this->samples->all as $sample) {
            $at = $this->x($sample['at']);

            if ($sample['fault'] !== null) {
                $from ??= $at;
            } elseif ($from !== null) {
                $svg .= sprintf("<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"#e4e4e4\"/>\n", $from, $top, $at - $from, self::HEIGHT);
                $from = null;
            }
        }

        return $svg;
    }

    private function x(float $at): float
    {
        return self::LEFT + self::WIDTH * $at / max(1, $this->samples->seconds());
    }

    private static function text(float $x, float $y, string $text, string $more = ''): string
    {
        return sprintf("<text x=\"%.1f\" y=\"%.1f\" %s>%s</text>\n", $x, $y, $more, htmlspecialchars($text));
    }
}
