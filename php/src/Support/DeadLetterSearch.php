<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Support;

use Webpatser\ResonateWebhooks\Contracts\DeadLetters;

/**
 * Goes through the dead letters, a page at a time. Redis has no index of what they say, so a search reads them, and leaves
 * the rest to the next page when it has taken long enough.
 */
final readonly class DeadLetterSearch
{
    /**
     * Letters on a page, and letters read at once.
     */
    public const int PAGE = 25;

    public function __construct(private DeadLetters $letters, private float $seconds = 2.0)
    {
        //
    }

    /**
     * The letters older than one of them, or the newest, that have a text in them; `next` is the letter with which the
     * next page begins, null when there is none, and `looked` the number of letters that were looked at.
     *
     * @return array{letters: list<array<string, mixed>>, next: ?string, looked: int}
     */
    public function page(string $text = '', ?string $before = null): array
    {
        $end = hrtime(true) + $this->seconds * 1e9;
        $found = [];
        $looked = 0;

        do {
            $portion = $this->letters->list(self::PAGE, $before);

            foreach ($portion as $letter) {
                if ($this->has($letter, $text)) {
                    $found[] = $letter;
                }

                $before = $letter['letter'];
                $looked++;

                if (count($found) === self::PAGE) {
                    break 2;
                }
            }
        } while (count($portion) === self::PAGE && hrtime(true) < $end);

        // Whether there is another one: a page that ends with the last letter has none after it.
        $more = $before !== null && $looked > 0 && $this->letters->list(1, $before) !== [];

        return ['letters' => $found, 'next' => $more ? $before : null, 'looked' => $looked];
    }

    /**
     * Whether a letter has a text in what is shown of it.
     *
     * @param  array<string, mixed>  $letter
     */
    private function has(array $letter, string $text): bool
    {
        if ($text === '') {
            return true;
        }

        $text = mb_scrub($text);
        $written = substr((string) json_encode($text, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE), 1, -1);

        // In the body a name with a quote in it stands as JSON has it.
        $pattern = '/'.preg_quote($text, '/').'|'.preg_quote($written, '/').'/iu';

        $matches = fn (string $field) => preg_match($pattern, $field) === 1;

        // A body may be as long as `batch_max_bytes`: one is read at a time, and only where nothing else fits.
        return array_any([$letter['letter'], $letter['id'], $letter['endpoint'], $letter['url'], $letter['app_id'], $letter['reason']], $matches)
            || $matches($this->letters->find($letter['letter'])['body'] ?? '');
    }
}
