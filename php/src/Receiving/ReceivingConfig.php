<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving;

use Webpatser\ResonateWebhooks\Exceptions\InvalidConfig;

/**
 * Reads the `resonate-webhooks-receiving` config. Its values may be strings from the environment.
 */
final class ReceivingConfig
{
    /**
     * All keys. Unknown keys are refused: a misspelt one would leave its setting at the default, which may be less secure.
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
            throw new InvalidConfig("resonate-webhooks-receiving.{$unknown}: unknown key; the keys are ".implode(', ', self::KEYS));
        }
    }

    /**
     * Get a whole number, or the default if the key is missing, null or empty.
     *
     * @throws InvalidConfig
     */
    public function integer(string $key, ?int $default, int $min = 0): ?int
    {
        $value = $this->config[$key] ?? '';

        if ($value === '') {
            return $default;
        }

        $number = is_bool($value) ? false : filter_var($value, FILTER_VALIDATE_INT, ['options' => ['min_range' => $min]]);

        if ($number === false) {
            throw new InvalidConfig("resonate-webhooks-receiving.{$key}: ".json_encode($value, JSON_INVALID_UTF8_SUBSTITUTE)." is not a whole number of at least {$min}");
        }

        return $number;
    }

    /**
     * Get the seconds to remember a handled webhook: at least the time in which it could be replayed.
     *
     * @throws InvalidConfig
     */
    public function dedupeFor(): int
    {
        $seconds = $this->integer('dedupe_for', 86_400);
        $tolerance = $this->integer('tolerance', 0);

        if ($seconds < $tolerance) {
            throw new InvalidConfig("resonate-webhooks-receiving.dedupe_for: {$seconds} is less than the tolerance of {$tolerance}, within which a webhook could be replayed");
        }

        // The timestamp may also be ahead by the tolerance, so a webhook is accepted for up to twice the tolerance.
        return max($seconds, 2 * $tolerance);
    }

    /**
     * Get a list of names, which may be separated by commas; an empty list if the key is missing, null or empty.
     *
     * @return list<string>
     *
     * @throws InvalidConfig
     */
    public function names(string $key): array
    {
        $value = $this->config[$key] ?? [];
        $names = is_string($value) ? array_map(trim(...), explode(',', $value)) : $value;

        if (! is_array($names) || ! array_all($names, fn (mixed $name) => $name === null || is_string($name) || is_int($name))) {
            throw new InvalidConfig("resonate-webhooks-receiving.{$key}: ".json_encode($value, JSON_INVALID_UTF8_SUBSTITUTE)." is neither a list of names nor '*' for all");
        }

        return array_values(array_map(strval(...), $names));
    }

    /**
     * Get a string, or null if the key is missing, null or empty.
     */
    public function string(string $key): ?string
    {
        return ((string) ($this->config[$key] ?? '')) ?: null;
    }
}
