<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving;

use Webpatser\ResonateWebhooks\Exceptions\InvalidConfig;

/**
 * Reads the `resonate-webhooks-receiving` config, whose values may be text from the environment.
 */
final class ReceivingConfig
{
    /**
     * All keys. A misspelt one would otherwise stand for its default, which is no protection for some.
     */
    private const array KEYS = ['secrets', 'pusher_only', 'tolerance', 'dedupe_for', 'lock_for', 'store', 'max_bytes'];

    /**
     * Create a new instance.
     *
     * @param  array<string, mixed>  $config
     *
     * @throws InvalidConfig
     */
    public function __construct(private readonly array $config)
    {
        $unknown = array_key_first(array_diff_key($config, array_flip(self::KEYS)));

        if ($unknown !== null) {
            throw new InvalidConfig("resonate-webhooks-receiving.{$unknown}: unknown key; there are ".implode(', ', self::KEYS));
        }
    }

    /**
     * A whole number, or the default where the key is missing, null or empty.
     *
     * @throws InvalidConfig
     */
    public function whole(string $key, ?int $default, int $least = 0): ?int
    {
        $written = $this->config[$key] ?? '';

        if ($written === '') {
            return $default;
        }

        $number = is_bool($written) ? false : filter_var($written, FILTER_VALIDATE_INT, ['options' => ['min_range' => $least]]);

        if ($number === false) {
            throw new InvalidConfig("resonate-webhooks-receiving.{$key}: ".json_encode($written, JSON_INVALID_UTF8_SUBSTITUTE)." is not a whole number from {$least} on");
        }

        return $number;
    }

    /**
     * The seconds for which a handled webhook is known: at least as long as it could be replayed.
     *
     * @throws InvalidConfig
     */
    public function dedupeFor(): int
    {
        $seconds = $this->whole('dedupe_for', 86_400);
        $tolerance = $this->whole('tolerance', 0);

        if ($seconds < $tolerance) {
            throw new InvalidConfig("resonate-webhooks-receiving.dedupe_for: {$seconds} is less than the tolerance of {$tolerance}, within which a webhook could be replayed");
        }

        // The time of a webhook may also be ahead by the tolerance: it is good for twice as long.
        return max($seconds, 2 * $tolerance);
    }

    /**
     * A list of names, which may be written with commas; none where the key is missing, null or empty.
     *
     * @return list<string>
     *
     * @throws InvalidConfig
     */
    public function names(string $key): array
    {
        $written = $this->config[$key] ?? [];
        $names = is_string($written) ? array_map(trim(...), explode(',', $written)) : $written;

        if (! is_array($names) || ! array_all($names, fn (mixed $name) => $name === null || is_string($name) || is_int($name))) {
            throw new InvalidConfig("resonate-webhooks-receiving.{$key}: ".json_encode($written, JSON_INVALID_UTF8_SUBSTITUTE)." is no list of names, nor '*' for all");
        }

        return array_values(array_map(strval(...), $names));
    }

    /**
     * A text, or null where the key is missing, null or empty.
     */
    public function text(string $key): ?string
    {
        return ((string) ($this->config[$key] ?? '')) ?: null;
    }
}
