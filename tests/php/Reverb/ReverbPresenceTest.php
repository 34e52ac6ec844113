<?php

declare(strict_types=1);

namespace Tests\Reverb;

use PHPUnit\Framework\Attributes\Group;
use Tests\PluginTestCase;
use Tests\Support\TestApplication;
use Tests\Support\Wait;
use Webpatser\ResonateWebhooks\Facades\Webhooks;

/**
 * Who is there on all processes of Reverb, asked from a process that is no server.
 */
#[Group('reverb')]
final class ReverbPresenceTest extends PluginTestCase
{
    public function test_the_members_are_those_of_all_processes(): void
    {
        $nodes = [$this->reverb(), $this->reverb()];
        $this->application = TestApplication::withReverb($this->config());

        foreach ($nodes as $n => $node) {
            $node->connect('ann');
            $node->command('ann', 'join', 'presence-room', $n);
            $node->connect('tab');
            $node->command('tab', 'join', 'presence-room', 7);
        }

        $app = Webhooks::app('1');
        Wait::until(fn () => $app->count('presence-room') === 3, 'all members');
        $this->assertSame(['0', '1', '7'], $app->members('presence-room')->sort()->values()->all());

        $nodes[0]->stop();
        Wait::until(fn () => $app->count('presence-room') === 2, 'the departure');
        $this->assertSame(['1', '7'], $app->members('presence-room')->sort()->values()->all());
        $nodes[1]->stop();
        $this->assertSame([], $app->channels()->all());
    }
}
