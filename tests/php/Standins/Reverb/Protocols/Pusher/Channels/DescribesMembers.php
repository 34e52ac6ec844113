<?php

declare(strict_types=1);

namespace Laravel\Reverb\Protocols\Pusher\Channels;

/**
 * Describes the members of a presence channel to a subscriber. Fails if one of them has no `user_info`.
 */
trait DescribesMembers
{
    /**
     * @return array<string, mixed>
     */
    public function data(): array
    {
        $members = array_map(fn (ChannelConnection $member) => $member->data(), array_values($this->connections()));

        return ['presence' => ['hash' => array_combine(
            array_map(fn (array $member) => $member['user_id'] ?? null, $members),
            array_map(fn (array $member) => $member['user_info'], $members),
        )]];
    }
}
