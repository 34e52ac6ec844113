<?php

declare(strict_types=1);

namespace Demo;

use DateTimeImmutable;
use Demo\Check\Judgement;
use Demo\Script\Event;

/**
 * What the spectator sees; in colour only where somebody can see colours.
 */
final readonly class Screen
{
    private const string DIM = '2';

    private const string BOLD = '1';

    private const string RED = '31';

    private const string GREEN = '32';

    private const array COLOURS = [
        'channel_occupied' => '32',
        'channel_vacated' => '33',
        'member_added' => '36',
        'member_removed' => '35',
        'client_event' => '34',
    ];

    /**
     * @param  resource  $out
     */
    private function __construct(private mixed $out, private bool $colour) {}

    /**
     * The screen on stdout.
     */
    public static function stdout(): self
    {
        return new self(STDOUT, stream_isatty(STDOUT) && getenv('NO_COLOR') === false);
    }

    /**
     * Something that was started, and what it is.
     */
    public function started(string $what, string $details): void
    {
        $this->line(sprintf('%s  %s', $this->paint(self::BOLD, str_pad($what, 9)), $details));
    }

    /**
     * What happens next.
     */
    public function step(string $caption): void
    {
        $this->line($this->paint(self::DIM, "-- {$caption}"));
    }

    /**
     * An event that arrived: time, app, channel, event, user, signature, and how long after its hook.
     */
    public function event(Event $event, ?float $sinceHook, float $arrivedAt, Judgement $judgement): void
    {
        $this->line(implode('  ', [
            $this->paint(self::DIM, self::time($arrivedAt)),
            self::pad($event->app, 7),
            self::pad(self::printable($event->channel), 16),
            $this->paint(self::COLOURS[$event->name] ?? self::BOLD, self::pad($event->clientEvent ?? $event->name, 16)),
            self::pad($event->user ?? '', 4),
            $this->paint(self::GREEN, 'signed'),
            $sinceHook === null ? '' : sprintf('%4.0f ms', $sinceHook * 1000),
        ]).($judgement === Judgement::Expected ? '' : '  '.$this->paint(self::RED, strtoupper($judgement->value))));
    }

    /**
     * A webhook whose signature is not that of the app with this key.
     */
    public function forgery(float $arrivedAt, string $key): void
    {
        $this->line(self::time($arrivedAt).'  '.$this->paint(self::RED, "not signed by {$key}"));
    }

    /**
     * Everything was as it should be.
     *
     * @param  list<string>  $remarks
     */
    public function success(string $summary, array $remarks): void
    {
        array_map($this->line(...), $remarks);
        $this->line($this->paint(self::GREEN, $summary));
    }

    /**
     * Something was not: what the programs printed last, what was wrong, and the sum of it.
     *
     * @param  array<string, string>  $lastWords  by name of the program
     * @param  list<string>  $faults
     */
    public function failure(string $summary, array $lastWords, array $faults = []): void
    {
        foreach ($lastWords as $program => $words) {
            $this->line($this->paint(self::BOLD, "{$program}:"));
            $this->line($words);
        }

        foreach ([...$faults, $summary] as $line) {
            $this->line($this->paint(self::RED, $line));
        }
    }

    private function line(string $line): void
    {
        fwrite($this->out, rtrim($line)."\n");
    }

    private function paint(string $colour, string $text): string
    {
        return $this->colour ? "\e[{$colour}m{$text}\e[0m" : $text;
    }

    private static function time(float $at): string
    {
        return DateTimeImmutable::createFromFormat('U.u', sprintf('%.6F', $at))->format('H:i:s.v');
    }

    private static function pad(string $text, int $width): string
    {
        return mb_str_pad($text, $width);
    }

    /**
     * A channel's name may hold anything, even what moves the cursor.
     */
    private static function printable(string $text): string
    {
        return preg_replace('/[^\P{C}]/u', '?', $text);
    }
}
