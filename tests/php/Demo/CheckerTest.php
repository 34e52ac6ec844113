<?php

declare(strict_types=1);

namespace Tests\Demo;

require_once dirname(__DIR__, 3).'/examples/demo/autoload.php';

use Demo\Check\Checker;
use Demo\Check\Judgement;
use Demo\Script\Event;
use PHPUnit\Framework\TestCase;

/**
 * A demo that cannot fail proves nothing.
 */
final class CheckerTest extends TestCase
{
    private Checker $checker;

    protected function setUp(): void
    {
        $this->checker = new Checker;
        $this->checker->expect([self::occupied(), self::added(7)]);
    }

    public function test_it_passes_when_each_event_arrives_once(): void
    {
        $this->assertSame(Judgement::Expected, $this->checker->judge(self::occupied()));
        $this->assertSame(Judgement::Expected, $this->checker->judge(self::added(7)));

        $this->assertTrue($this->checker->passed());
        $this->assertSame(
            'demo: 2 nodes, 9 connections, 2 events, 0 missing, 0 duplicate, 0 bad signatures',
            $this->checker->summary(nodes: 2, connections: 9),
        );
    }

    public function test_it_fails_when_an_event_is_missing(): void
    {
        $this->checker->judge(self::occupied());

        $this->assertFalse($this->checker->passed());
        $this->assertStringContainsString('1 missing', $this->checker->summary(2, 9));
        $this->assertStringContainsString('"member_added"', $this->checker->remarks()[0]);
    }

    public function test_it_fails_when_an_event_arrives_twice(): void
    {
        $this->everythingArrives();

        $this->assertSame(Judgement::Duplicate, $this->checker->judge(self::added(7)));
        $this->assertFalse($this->checker->passed());
        $this->assertStringContainsString('1 duplicate', $this->checker->summary(2, 9));
    }

    public function test_an_event_that_a_later_step_causes_again_is_no_duplicate(): void
    {
        $this->everythingArrives();
        $this->checker->expect([self::added(7)]);

        $this->assertSame(Judgement::Expected, $this->checker->judge(self::added(7)));
        $this->assertTrue($this->checker->passed());
    }

    public function test_it_fails_when_an_event_arrives_that_the_script_does_not_know(): void
    {
        $this->everythingArrives();

        $this->assertSame(Judgement::Unexpected, $this->checker->judge(self::added(8)));
        $this->assertFalse($this->checker->passed());
    }

    public function test_it_fails_when_a_member_comes_to_a_channel_that_is_not_occupied_yet(): void
    {
        $this->assertSame(Judgement::OutOfOrder, $this->checker->judge(self::added(7)));
        $this->checker->judge(self::occupied());

        $this->assertFalse($this->checker->passed());
    }

    public function test_it_fails_when_a_signature_is_wrong(): void
    {
        $this->everythingArrives();

        $this->assertFalse($this->checker->receives('id-1', genuine: false));
        $this->assertFalse($this->checker->passed());
        $this->assertStringContainsString('1 bad signatures', $this->checker->summary(2, 9));
    }

    public function test_a_webhook_that_is_sent_again_under_its_id_is_not_read_again(): void
    {
        $this->assertTrue($this->checker->receives('id-1', genuine: true));
        $this->assertFalse($this->checker->receives('id-1', genuine: true));
        $this->everythingArrives();

        $this->assertTrue($this->checker->passed());
    }

    private function everythingArrives(): void
    {
        $this->checker->judge(self::occupied());
        $this->checker->judge(self::added(7));
    }

    private static function occupied(): Event
    {
        return new Event('plaza', 'channel_occupied', 'presence-chat.42');
    }

    private static function added(int $user): Event
    {
        return new Event('plaza', 'member_added', 'presence-chat.42', (string) $user);
    }
}
