<?php

declare(strict_types=1);

namespace Tests;

use Illuminate\Config\Repository;
use Illuminate\Container\Container;
use PHPUnit\Framework\TestCase;
use Webpatser\ResonateWebhooks\Support\Chart;
use Webpatser\ResonateWebhooks\Support\Format;
use Webpatser\ResonateWebhooks\Support\HistoryCharts;

final class HistoryChartsTest extends TestCase
{
    private Container $before;

    protected function setUp(): void
    {
        $this->before = Container::getInstance();
        Container::setInstance($container = new Container);
        $container->instance('config', new Repository(['app' => ['timezone' => 'UTC']]));
    }

    protected function tearDown(): void
    {
        Container::setInstance($this->before);
    }

    public function test_bars_are_stacked_in_proportion_and_an_incomplete_one_is_marked(): void
    {
        $chart = new Chart('Requests', '', [
            ['name' => 'delivered', 'tone' => 'good', 'values' => [3, 0, 1], 'line' => false],
            ['name' => 'failed', 'tone' => 'bad', 'values' => [1, 0, 0], 'line' => false],
        ], [true, true, false]);

        $this->assertSame(4.0, $chart->max);
        [$delivered, $incomplete, $failed] = $chart->bars();
        $this->assertSame(['chart-good', 'chart-good incomplete', 'chart-bad'], [$delivered['class'], $incomplete['class'], $failed['class']]);
        $this->assertEqualsWithDelta(3 * $failed['height'], $delivered['height'], 0.1);
        $this->assertEqualsWithDelta($delivered['y'], $failed['y'] + $failed['height'], 0.01, 'one ends where the other begins');
        $this->assertEqualsWithDelta(1.0, $failed['y'], 0.01, 'the highest stack reaches the top');
        $this->assertGreaterThan($delivered['x'] + 2 * $delivered['width'], $incomplete['x']);
        $this->assertLessThanOrEqual(Chart::WIDTH, $incomplete['x'] + $incomplete['width']);
    }

    public function test_a_line_has_gaps_and_a_single_value_is_visible(): void
    {
        $chart = new Chart('Latency', '', [['name' => 'p50', 'tone' => 'accent', 'values' => [null, 4.0, 2.0, null, 1.0, null], 'line' => true]], array_fill(0, 6, true));
        $lines = array_column($chart->lines(), 'points');

        $this->assertCount(2, $lines);
        $this->assertSame(['120,1', '200,32'], explode(' ', $lines[0]));
        $this->assertMatchesRegularExpression('/^360,([\d.]+) 400,\1$/', $lines[1]);
    }

    public function test_a_chart_without_values_is_empty(): void
    {
        $chart = new Chart('Requests', '', [['name' => 'delivered', 'tone' => 'good', 'values' => [0, 0], 'line' => false]], [true, false]);
        $this->assertSame([[], [], 0.0], [$chart->bars(), $chart->lines(), $chart->max]);
        $this->assertSame([[], []], [HistoryCharts::ofEndpoint($this->history([]), 'unknown')->rows(), HistoryCharts::ofEndpoint($this->history([]), 'unknown')->charts()[0]->bars()]);
    }

    public function test_a_history_is_told_in_words(): void
    {
        $charts = HistoryCharts::ofAll($this->history([
            ['delivered' => 1200, 'p50_ms' => 3.0, 'p95_ms' => 40.0],
            ['failed' => 3, 'given_up' => 1, 'failures' => ['http_4xx' => 0, 'http_5xx' => 1, 'http_other' => 0, 'no_answer' => 2]],
            [],
            ['delivered' => 1, 'complete' => false],
        ]));

        $this->assertSame('1,201 requests delivered, 3 attempts failed, 1 given up', $charts->summary());
        $this->assertSame('2 × no answer, 1 × HTTP 5xx', $charts->reasons());
        $this->assertSame('The minute 09:33 is incomplete.', $charts->incomplete());
        $this->assertSame(['09:30', '09:34'], $charts->span());
        $this->assertSame(['09:33', '09:31', '09:30'], array_column($charts->rows(), 'time'), 'newest first, without the idle minute');
        $this->assertSame(
            ['Requests', 'Failures by reason', 'Latency in ms', 'Events', 'Queues of a server', 'Lag in s'],
            array_map(fn (Chart $chart) => $chart->title, $charts->charts()),
        );
        $this->assertSame('The greatest p95 was 40 ms.', $charts->charts()[2]->summary);
    }

    public function test_the_incomplete_points_are_named(): void
    {
        $incomplete = fn (int $step, int $count) => HistoryCharts::ofAll($this->history(array_fill(0, $count, ['complete' => false]), $step))->incomplete();
        $this->assertSame('The minutes 09:30 and 09:31 are incomplete.', $incomplete(1, 2));
        $this->assertSame('The 15 minutes from 09:30 are incomplete.', $incomplete(15, 1));
        $this->assertSame('', $incomplete(1, 0));
    }

    public function test_a_sparkline_is_relative_to_its_greatest_number(): void
    {
        $this->assertSame('·▁▄█·', Format::sparkline([0, 1, 400, 800, 0]));
        $this->assertSame('··', Format::sparkline([0, 0]));
        $this->assertSame('', Format::sparkline([]));
    }

    /**
     * @param  list<array<string, mixed>>  $points
     * @return array<string, mixed>
     */
    private function history(array $points, int $step = 1): array
    {
        $from = fn (int $place) => ['from_ms' => gmmktime(9, 30, 0, 1, 31, 2026) * 1000 + $place * $step * 60_000];
        $load = ['complete' => true, 'intents' => 0, 'events' => 0, 'events_delivered' => 0, 'queued_intents' => 0, 'queued_events' => 0, 'lag_ms' => 0];
        $failures = ['http_4xx' => 0, 'http_5xx' => 0, 'http_other' => 0, 'no_answer' => 0];

        return [
            'step_ms' => $step * 60_000,
            'endpoints' => [],
            'attempts' => array_map(fn (array $point, int $place) => $from($place) + $point + ['complete' => true, 'delivered' => 0, 'failed' => 0, 'given_up' => 0, 'failures' => $failures, 'p50_ms' => null, 'p95_ms' => null], $points, array_keys($points)),
            'load' => array_map(fn (int $place) => $from($place) + $load, array_keys($points)),
        ];
    }
}
