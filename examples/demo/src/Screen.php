<?php

declare(strict_types=1);

namespace Demo;

use DateTimeImmutable;

/**
 * The output of the demo, in colour on a terminal.
 */
final readonly class Screen
{
    public const string DIM = '2';

    public const string RED = '31';

    public const string GREEN = '32';

    private const array EVENTS = [
        'channel_occupied' => '32', 'channel_vacated' => '33', 'member_added' => '36', 'member_removed' => '35', 'client_event' => '34',
    ];

    public function line(string $text, string $colour = ''): void
    {
        fwrite(STDOUT, $this->paint(rtrim($text), $colour)."\n");
    }

    /**
     * Print an event: time of arrival, application, channel, event, user, and latency.
     *
     * @param  array<string, string>  $event
     */
    public function event(string $app, array $event, float $at, float $milliseconds): void
    {
        $time = DateTimeImmutable::createFromFormat('U.u', sprintf('%.6F', $at))->format('H:i:s.v');

        $this->line(implode('  ', [
            $this->paint($time, self::DIM),
            str_pad($app, 7),
            str_pad($event['channel'], 17),
            $this->paint(str_pad($event['event'] ?? $event['name'], 16), self::EVENTS[$event['name']] ?? ''),
            str_pad($event['user_id'] ?? '', 3),
            sprintf('%5.0f ms', $milliseconds),
        ]));
    }

    private function paint(string $text, string $colour): string
    {
        return $colour !== '' && stream_isatty(STDOUT) && getenv('NO_COLOR') === false ? "\e[{$colour}m{$text}\e[0m" : $text;
    }
}
