<?php

declare(strict_types=1);

namespace Tests\Dashboard;

use Illuminate\Auth\GenericUser;
use Illuminate\Support\Facades\Event;
use Tests\Support\RedisServer;
use Tests\Support\Wait;
use Webpatser\ResonateWebhooks\Contracts\DeadLetters;
use Webpatser\ResonateWebhooks\Events\Operation;
use Webpatser\ResonateWebhooks\Events\OperatorActed;
use Webpatser\ResonateWebhooks\Support\DeadLetterSearch;

final class DeadLettersTest extends DashboardTestCase
{
    public function test_dead_letters_are_listed_shown_retried_and_forgotten(): void
    {
        $this->open();
        $this->assertStringContainsString('There are no dead letters', $this->text($this->get(self::PAGE.'/dead-letters')->assertOk()->getContent()));

        $node = $this->giveUp(['one', 'two', 'three']);
        $deadLetters = $this->deadLetters();
        [$three, $two, $one] = array_column($deadLetters->list(), 'id');
        $page = $this->get(self::PAGE.'/dead-letters')->assertOk()->getContent();
        $this->assertStringContainsString('Dead letters 3', $text = $this->text($page));
        $this->assertStringContainsString('HTTP 500', $text);
        $this->assertStringContainsString("value=\"{$one}\"", $page);

        $shown = $this->get(self::PAGE."/dead-letters/{$one}")->assertOk()->getContent();
        $this->assertStringContainsString('"name": "channel_occupied", "channel": "one"', $this->text($shown));
        $this->assertMatchesRegularExpression('/Answer HTTP 500, (now|[\d.]+ m?s ago) Oops: no \[1mdatabase, \[redacted\] Endpoint/', $this->text($shown));
        $this->get(self::PAGE.'/dead-letters/1-1')->assertNotFound();
        $this->get(self::PAGE.'/dead-letters/nonsense')->assertNotFound();

        $this->assertQuestion("action=retry&ids[]={$one}", 'Retry 1 dead letter?', $one);
        $this->assertSame(3, $deadLetters->count(), 'the confirmation changes nothing');
        $this->post(self::PAGE.'/dead-letters/retry', ['_token' => csrf_token(), 'ids' => [$one, '1-1']])->assertRedirect(self::PAGE.'/dead-letters');
        $this->assertStringContainsString('1 dead letter queued', $this->text($this->get(self::PAGE.'/dead-letters')->getContent()));
        Wait::until(fn () => $deadLetters->find($one) === null, 'the delivery');
        $this->assertSame(['channel_occupied one'], $this->events('/flaky/3'));

        $this->assertQuestion("action=forget&ids[]={$two}&ids[]=1-1", 'Forget 1 dead letter?', $two);
        $this->post(self::PAGE.'/dead-letters/forget', ['_token' => csrf_token(), 'ids' => [$two]])->assertRedirect(self::PAGE.'/dead-letters');
        $this->assertSame([$three], array_column($deadLetters->list(), 'id'));
        $node->stop();
    }

    public function test_all_dead_letters_are_retried_at_once(): void
    {
        $this->open();
        $node = $this->giveUp(['one', 'two']);
        $this->assertQuestion('action=retry&all=1', 'Retry all 2 dead letters?');
        $this->post(self::PAGE.'/dead-letters/retry', ['_token' => csrf_token(), 'all' => '1'])->assertRedirect(self::PAGE.'/dead-letters');
        Wait::until(fn () => $this->deadLetters()->count() === 0, 'the deliveries');
        $this->assertSame(['channel_occupied one', 'channel_occupied two'], $this->events('/flaky/2'));
        $this->get(self::PAGE.'/dead-letters/confirm?action=retry&all=1')->assertRedirect(self::PAGE.'/dead-letters');
        $node->stop();
    }

    public function test_all_dead_letters_that_existed_at_the_confirmation_are_forgotten(): void
    {
        $this->open();
        $this->store(1, 'old', hoursAgo: 3);
        $question = $this->assertQuestion('action=forget&all=1', 'Forget all 1 dead letter?');
        $this->assertSame(1, preg_match('/name="asked" value="(\d+)"/', $question, $asked));

        // As if the confirmation had been shown two hours ago, and a dead letter had been added an hour later.
        $this->store(1, 'new', hoursAgo: 1);
        $this->post(self::PAGE.'/dead-letters/forget', ['_token' => csrf_token(), 'all' => '1', 'asked' => (string) ((int) $asked[1] - 7200)]);
        $this->assertSame(['new'], array_column($this->deadLetters()->list(), 'reason'));

        $this->post(self::PAGE.'/dead-letters/forget', ['_token' => csrf_token(), 'all' => '1', 'asked' => $asked[1]]);
        $this->assertSame(0, $this->deadLetters()->count());
    }

    public function test_the_dead_letters_of_all_shards_are_shown(): void
    {
        $redis = RedisServer::inCluster();
        $this->open(['connection' => ['cluster' => "127.0.0.1:{$redis->port}", 'shards' => 2]]);
        $this->store(1, 'in the first', redis: $redis, shard: '0');
        $this->store(1, 'in the second', redis: $redis, shard: '1');

        $page = $this->get(self::PAGE.'/dead-letters')->assertOk()->getContent();
        $this->assertSame(2, preg_match_all('~href="([^"]+/dead-letters/[\d-]+)"~', $page, $links));
        $shown = array_map(fn (string $link) => $this->text($this->get($link)->assertOk()->getContent()), $links[1]);
        $this->assertStringContainsString('in the first', implode($shown));
        $this->assertStringContainsString('in the second', implode($shown));
    }

    public function test_long_lists_have_pages_and_a_search_covers_all_of_them(): void
    {
        $this->open();
        $this->store(60, 'HTTP 500');
        $this->store(1, 'Needle (50%)', hoursAgo: 1);

        [$seen, $url, $pages] = [[], self::PAGE.'/dead-letters', 0];

        do {
            $page = $this->get($url)->assertOk()->getContent();
            preg_match_all('/name="ids\[]" value="([\d-]+)"/', $page, $found);
            $seen = [...$seen, ...$found[1]];
            $pages++;
        } while (preg_match('/rel="next" href="([^"]+)"/', $page, $next) === 1 && $url = html_entity_decode($next[1]));

        $this->assertSame([array_column($this->deadLetters()->list(100), 'id'), 3], [$seen, $pages]);

        foreach (['needle (50%)' => 1, 'presence-59' => 1, 'HTTP' => 25, '.*' => 0] as $search => $count) {
            $page = $this->get(self::PAGE.'/dead-letters?search='.urlencode((string) $search))->assertOk()->getContent();
            $this->assertSame($count, substr_count($page, 'name="ids[]"'), (string) $search);
        }

        $this->assertStringContainsString('None of the 61 dead letters searched contain “.*”', $this->text($page));
    }

    public function test_a_search_that_takes_too_long_continues_on_the_next_page(): void
    {
        $this->open();
        $this->store(60, 'HTTP 500');
        $hurried = new DeadLetterSearch($this->app->make(DeadLetters::class), seconds: 0);
        ['dead_letters' => $deadLetters, 'next' => $next, 'searched' => $searched] = $hurried->page('presence-1 ');
        $this->assertSame([[], 25], [$deadLetters, $searched]);

        [$all, $pages] = [[], 0];

        for ($before = null; $pages === 0 || $before !== null; $pages++) {
            ['dead_letters' => $deadLetters, 'next' => $before] = $hurried->page('presence-1"', $before);
            $all = [...$all, ...$deadLetters];
        }

        $this->assertSame([['msg_1'], 3], [array_column($all, 'webhook_id'), $pages]);
        $this->assertNotNull($next);
    }

    public function test_the_user_who_acts_is_recorded(): void
    {
        $this->open();
        $this->store(2, 'HTTP 500');
        [$two, $one] = array_column($this->deadLetters()->list(), 'id');
        $acted = [];
        Event::listen(function (OperatorActed $event) use (&$acted): void {
            $acted[] = [$event->operation, $event->ids, $event->count, $event->by, $event->via];
        });
        $this->get(self::PAGE)->assertOk();

        foreach ([null, new GenericUser(['id' => 7])] as $user) {
            $this->user = $user;
            $this->app['auth']->forgetGuards();
            $this->post(self::PAGE.'/dead-letters/forget', ['_token' => csrf_token(), 'ids' => [$user === null ? $one : $two]])->assertRedirect();
        }

        $this->assertSame([[Operation::Forget, [$one], 1, null, 'web'], [Operation::Forget, [$two], 1, '7', 'web']], $acted);
    }

    public function test_an_empty_or_invalid_selection_is_handled(): void
    {
        $this->open();

        foreach (['', '?action=retry', '?ids=1-1', '?ids[]=1-1', '?ids[][]=1-1', '?ids[]=%0a', '?all[]=1'] as $query) {
            $this->get(self::PAGE.'/dead-letters/confirm'.$query)->assertRedirect(self::PAGE.'/dead-letters');
        }

        $this->assertStringContainsString('No dead letters selected', $this->text($this->get(self::PAGE.'/dead-letters?before=nonsense&search[]=1')->assertOk()->getContent()));
        $this->post(self::PAGE.'/dead-letters/forget', ['_token' => csrf_token(), 'ids' => 'all'])->assertRedirect(self::PAGE.'/dead-letters');
    }

    /**
     * Assert that a confirmation is shown, with the selected dead letters and a CSRF token, and return its page.
     */
    private function assertQuestion(string $query, string $question, string ...$deadLetters): string
    {
        $page = $this->get(self::PAGE."/dead-letters/confirm?{$query}")->assertOk()->getContent();

        $this->assertStringContainsString($question, $this->text($page));
        $this->assertStringContainsString('name="_token" value="'.csrf_token().'"', $page);
        preg_match_all('/name="ids\[]" value="([\d-]+)"/', $page, $found);
        $this->assertSame($deadLetters, $found[1]);

        return $page;
    }

    /**
     * Store dead letters in Redis as servers do.
     */
    private function store(int $count, string $reason, int $hoursAgo = 2, ?RedisServer $redis = null, string $shard = ''): void
    {
        $redis ??= RedisServer::shared();
        $prefix = $shard === '' ? $this->config()['key_prefix'] : '{'.$this->config()['key_prefix'].":{$shard}}";

        foreach (range(1, $count) as $number) {
            $ms = (time() - 3600 * $hoursAgo) * 1000;
            $redis->command(
                'XADD', $prefix.':dead', "{$ms}-{$number}", 'id', "msg_{$number}", 'endpoint', 'billing', 'url', 'http://127.0.0.1/',
                'app_id', '1', 'events', '1', 'attempts', '1', 'reason', $reason, 'time_ms', (string) $ms,
            );
            $redis->command(
                'HSET', $prefix.':dead_bodies', "{$ms}-{$number}",
                '{"time_ms":1,"events":[{"name":"channel_occupied","channel":"presence-'.$number.'"}]}',
            );
        }
    }
}
