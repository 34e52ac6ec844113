<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Support;

use Webpatser\ResonateWebhooks\Contracts\DeadLetters;

/**
 * Searches the dead letters, one page at a time. Redis has no index of their text, so a search reads them. When its time is
 * up, it leaves the rest for the next page.
 */
final readonly class DeadLetterSearch
{
    /**
     * The pattern of the ID of a dead letter. Only in shards after the first one, it has a third part.
     */
    public const string ID = '\d+-\d+(-\d+)?';

    /**
     * The number of dead letters on a page, and in each read.
     */
    public const int PAGE = 25;

    /**
     * Create a new search.
     */
    public function __construct(private DeadLetters $deadLetters, private float $seconds = 2.0)
    {
        //
    }

    /**
     * Get the newest dead letters, older than the given one, that contain the text. The next page begins before `next`;
     * `searched` is the number of dead letters read.
     *
     * @return array{dead_letters: list<array<string, mixed>>, next: ?string, searched: int}
     */
    public function page(string $text = '', ?string $before = null): array
    {
        $end = hrtime(true) + $this->seconds * 1e9;
        $found = [];
        $searched = 0;

        do {
            $portion = $this->deadLetters->list(self::PAGE, $before);

            foreach ($portion as $deadLetter) {
                if ($this->contains($deadLetter, $text)) {
                    $found[] = $deadLetter;
                }

                $before = $deadLetter['id'];
                $searched++;

                if (count($found) === self::PAGE) {
                    break 2;
                }
            }
        } while (count($portion) === self::PAGE && hrtime(true) < $end);

        $more = $searched > 0 && $this->deadLetters->list(1, $before) !== [];

        return ['dead_letters' => $found, 'next' => $more ? $before : null, 'searched' => $searched];
    }

    /**
     * Determine if a dead letter contains the text.
     *
     * @param  array<string, mixed>  $deadLetter
     */
    private function contains(array $deadLetter, string $text): bool
    {
        if ($text === '') {
            return true;
        }

        // A body contains the text as JSON escapes it.
        $text = mb_scrub($text);
        $json = substr((string) json_encode($text, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE), 1, -1);
        $pattern = '/'.preg_quote($text, '/').'|'.preg_quote($json, '/').'/iu';
        $matches = fn (string $field) => preg_match($pattern, $field) === 1;

        // A body may be as long as `batch_max_bytes`, so it is read only if no field matches.
        return array_any([$deadLetter['id'], $deadLetter['webhook_id'], $deadLetter['endpoint'], $deadLetter['url'], $deadLetter['app_id'], $deadLetter['reason']], $matches)
            || $matches($this->deadLetters->find($deadLetter['id'])['body'] ?? '');
    }
}
