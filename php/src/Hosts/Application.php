<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Hosts;

use SensitiveParameter;

/**
 * A snapshot of an application of the host.
 */
final readonly class Application
{
    /**
     * Create a new instance.
     *
     * @param  object  $source  The host's own object.
     */
    public function __construct(
        public string $id,
        public string $key,
        #[SensitiveParameter] public string $secret,
        public object $source,
    ) {
        //
    }

    /**
     * Create a snapshot of the host's own object.
     */
    public static function of(object $source): self
    {
        return new self($source->id(), $source->key(), $source->secret(), $source);
    }

    /**
     * Determine if webhooks are signed in the same way for both.
     */
    public function signsLike(self $other): bool
    {
        return $this->key === $other->key && $this->secret === $other->secret;
    }

    /**
     * Hide the secret in dumps.
     *
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return ['id' => $this->id];
    }
}
