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
     * Create a new instance.
     *
     * @param  array<string, mixed>  $config
     */
    public function __construct(private readonly array $config)
    {
        //
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
     * A text, or null where the key is missing, null or empty.
     */
    public function text(string $key): ?string
    {
        return ((string) ($this->config[$key] ?? '')) ?: null;
    }
}
