<?php

declare(strict_types=1);

namespace Demo\Node;

/**
 * What the demo tells a node.
 */
final readonly class Settings
{
    private const string VARIABLE = 'DEMO_NODE';

    /**
     * @param  string  $folder  for the files that Laravel wants to write
     * @param  list<string>  $apps  ids of the applications
     * @param  list<string>  $endpoints  URLs to send every webhook to
     */
    public function __construct(
        public string $folder,
        public int $port,
        public int $redisPort,
        public array $apps,
        public array $endpoints,
    ) {}

    /**
     * The settings of this process.
     */
    public static function fromEnvironment(): self
    {
        return new self(...json_decode((string) getenv(self::VARIABLE), true, flags: JSON_THROW_ON_ERROR));
    }

    /**
     * The settings for a process to start.
     *
     * @return array<string, string>
     */
    public function toEnvironment(): array
    {
        return [self::VARIABLE => json_encode(get_object_vars($this), JSON_THROW_ON_ERROR)];
    }
}
