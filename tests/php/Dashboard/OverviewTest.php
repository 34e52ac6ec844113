<?php

declare(strict_types=1);

namespace Tests\Dashboard;

use Tests\Support\RedisServer;
use Tests\Support\Wait;
use Webpatser\ResonateWebhooks\Native\Cluster;

final class OverviewTest extends DashboardTestCase
{
    public function test_it_shows_servers_endpoints_lanes_and_channels(): void
    {
        $endpoints = ['good' => $this->endpoint(more: ['name' => 'Billing']), 'bad' => $this->endpoint('/status/500')];
        $this->open(['endpoints' => $endpoints]);
        $text = $this->text($this->get(self::PAGE)->assertOk()->getContent());

        foreach (['No running servers found', 'Billing', 'not reported', 'No events are waiting', 'No servers found'] as $words) {
            $this->assertStringContainsString($words, $text);
        }

        $node = $this->node(['endpoints' => $endpoints]);
        $node->connect('ann');
        $node->command('ann', 'subscribe', 'private-room');
        $cluster = new Cluster($this->config(['endpoints' => $endpoints]));
        Wait::until(fn () => ($status = $cluster->status())['lanes'] !== [] && $status['counters']['events_delivered'] === 1
            && array_column($status['endpoints'], 'state') === ['ok', 'failing'], 'the failure');

        $page = $this->get(self::PAGE)->assertOk()->getContent();
        $text = $this->text($page);

        foreach (['Running servers 1', 'Endpoints 2 1 failing or disabled', 'Events delivered 1', 'Occupied channels 1', 'failing for', 'HTTP 500', 'answer: Oops: no [1mdatabase, [redacted]', '1 event delivered in 1 request; 0 failed', 'p50 ', 'running'] as $words) {
            $this->assertStringContainsString($words, $text);
        }

        $this->assertMatchesRegularExpression('/all applications ok (now|[\d.]+ s ago) HTTP 200/', $text);
        $this->assertMatchesRegularExpression('~<time datetime="\d{4}-\d\d-\d\dT[\d:]+Z" title="\d{4}-\d\d-\d\d [\d:.]+ UTC">(now|\d[^<]* ago)</time>~', $page, 'exact times are in titles');
        $this->assertStringContainsString(gethostname(), $text);

        $live = $this->get(self::PAGE.'/live')->assertOk()->getContent();
        $this->assertStringNotContainsString('<html', $live);
        $node->stop();
    }

    public function test_the_history_is_shown_from_the_first_look_on_even_without_a_server(): void
    {
        $endpoints = ['go/od' => $this->endpoint(), 'bad' => $this->endpoint('/status/500')];
        $node = $this->node(['max_attempts' => 1, 'endpoints' => $endpoints]);
        $node->connect('ann');
        $node->command('ann', 'subscribe', 'private-room');
        Wait::until(fn () => $this->deadLetters()->count() === 1, 'the dead letter');
        $node->stop();
        $cluster = new Cluster($this->config());
        Wait::until(fn () => array_sum(array_column($cluster->history([], 60, 1)['attempts'], 'given_up')) > 0, 'the history');

        $this->open(['endpoints' => $endpoints]);
        $page = $this->get(self::PAGE)->assertOk()->getContent();
        $text = $this->text($page);
        $this->assertMatchesRegularExpression('/Last hour (\d) requests? delivered, \1 attempts? failed, \1 given up\. A bar is a minute\. The minutes? \d\d:\d\d( and \d\d:\d\d)? (is|are) incomplete\. Requests delivered failed given up max/', $text);
        $this->assertMatchesRegularExpression('/Last 24 hours (\d) requests? delivered, .* The 15 minutes from \d\d:\d\d/', $text);
        $this->assertMatchesRegularExpression('/Failures by reason \d × HTTP 5xx/', $text);

        // Six charts of an hour, six of a day, and one for each endpoint. Each has a name and a description.
        $this->assertSame(14, substr_count($page, 'role="img"'));
        preg_match_all('/aria-labelledby="([\w-]+)-title \1-desc"/', $page, $names);
        $this->assertSame(14, count(array_unique($names[1])));

        foreach ($names[1] as $name) {
            $this->assertMatchesRegularExpression("~<title id=\"{$name}-title\">[^<]+</title>\s*<desc id=\"{$name}-desc\">[^<]+</desc>~", $page);
        }

        $this->assertMatchesRegularExpression('~<summary id="hour-numbers-toggle">Last hour as a table</summary>.*<th scope="col" class="number">HTTP 5xx</th>~s', $page);
        $this->assertStringNotContainsString(' style=', $page, 'the content security policy allows none');

        $page = $this->get(self::PAGE.'/endpoints/show?endpoint=go%2Fod')->assertOk()->getContent();
        $this->assertMatchesRegularExpression('/Last hour \d requests? delivered, 0 attempts failed/', $this->text($page));
        $this->assertSame(6, substr_count($page, 'role="img"'));
        $this->get(self::PAGE.'/endpoints/show?endpoint=nobody')->assertNotFound();
    }

    public function test_without_the_first_shard_it_shows_the_others(): void
    {
        $redis = RedisServer::inCluster();
        $redis->removeSlot((int) ltrim($redis->command('CLUSTER', 'KEYSLOT', '{'.$this->config()['key_prefix'].':0}')[0], ':'));
        $this->open(['connection' => ['cluster' => "127.0.0.1:{$redis->port}", 'shards' => 4]]);

        foreach ([self::PAGE, self::PAGE.'/live'] as $page) {
            $text = $this->text($this->get($page)->assertOk()->getContent());

            foreach (['Shard 0 does not answer', 'Servers with a lease 0', 'Events in the outbox 0', 'Dead letters 0', '4 shards on 1 master'] as $words) {
                $this->assertStringContainsString($words, $text);
            }

            $this->assertStringNotContainsString('No running servers found', $text);
        }
    }

    public function test_an_endpoint_is_paused_and_resumed_by_forms(): void
    {
        $endpoints = ['bil/li ng' => $this->endpoint(more: ['name' => 'Billing'])];
        $this->open(['endpoints' => $endpoints]);
        $form = $this->get(self::PAGE.'/endpoints/confirm?action=pause&endpoint=bil%2Fli+ng')->assertOk()->getContent();
        $this->assertStringContainsString('Pause this endpoint?', $form);
        $this->assertStringContainsString('name="endpoint" value="bil/li ng"', $form);

        $cluster = new Cluster($this->config(['endpoints' => $endpoints]));
        $this->assertSame([], $cluster->paused(), 'the confirmation changes nothing');
        $this->post(self::PAGE.'/endpoints/pause', ['_token' => csrf_token(), 'endpoint' => 'bil/li ng'])->assertRedirect(self::PAGE);
        $this->assertSame(['bil/li ng'], array_keys($cluster->paused()));
        $page = $this->text($this->get(self::PAGE)->getContent());
        $this->assertStringContainsString('Billing is paused. Servers stop sending to it within two seconds', html_entity_decode((string) preg_replace('/ \(http[^)]*\)/', '', $page)));
        $this->assertStringContainsString('paused for ', $page);
        $this->assertStringNotContainsString('Servers stop sending', $this->text($this->get(self::PAGE)->getContent()), 'the message is shown once');

        $node = $this->node(['endpoints' => $endpoints]);
        $node->connect('ann');
        $node->command('ann', 'subscribe', 'private-room');
        Wait::until(fn () => ($cluster->status()['endpoints'][0]['depth'] ?? 0) === 1, 'the event to wait');
        $this->assertSame([], $this->events());
        $this->assertStringContainsString('1 waiting', $this->text($this->get(self::PAGE)->getContent()));

        $this->post(self::PAGE.'/endpoints/resume', ['_token' => csrf_token(), 'endpoint' => 'bil/li ng'])->assertRedirect(self::PAGE);
        $this->assertEvents(['channel_occupied private-room']);
        $this->assertSame([], $cluster->paused());
        $node->stop();
    }

    public function test_an_endpoint_that_answered_410_can_be_resumed(): void
    {
        $endpoints = ['billing' => $this->endpoint('/status/410')];
        $this->open(['endpoints' => $endpoints]);
        $cluster = new Cluster($this->config());
        $node = $this->node(['endpoints' => $endpoints]);
        $node->connect('ann');
        $node->command('ann', 'subscribe', 'private-room');
        Wait::until(fn () => array_keys($cluster->disabled()) === ['billing'], 'the disabled state in Redis');

        $page = $this->get(self::PAGE)->getContent();
        $this->assertStringContainsString('disabled for', $this->text($page));
        $this->assertStringContainsString('action=resume&amp;endpoint=billing', $page);
        $this->post(self::PAGE.'/endpoints/resume', ['_token' => csrf_token(), 'endpoint' => 'billing'])->assertRedirect(self::PAGE);
        $this->assertSame([], $cluster->disabled());
        Wait::until(fn () => ! str_contains($this->text($this->get(self::PAGE)->getContent()), 'disabled for'), 'the servers to follow');
        $node->stop();
    }

    public function test_an_unconfigured_endpoint_that_is_paused_can_be_resumed_and_an_unknown_one_cannot_be_paused(): void
    {
        $this->open();
        $cluster = new Cluster($this->config());
        $cluster->pause('removed');
        $this->assertStringContainsString('removed', $this->text($this->get(self::PAGE)->getContent()));
        $this->post(self::PAGE.'/endpoints/resume', ['_token' => csrf_token(), 'endpoint' => 'removed'])->assertRedirect(self::PAGE);
        $this->assertSame([], $cluster->paused());

        $this->post(self::PAGE.'/endpoints/pause', ['_token' => csrf_token(), 'endpoint' => 'nobody'])->assertNotFound();
        $this->get(self::PAGE.'/endpoints/confirm?endpoint[]=nobody')->assertNotFound();
        $this->assertSame([], $cluster->paused());
    }

    public function test_without_redis_the_page_says_so(): void
    {
        $this->open(self::nowhere());

        foreach ([self::PAGE, self::PAGE.'/live', self::PAGE.'/dead-letters', self::PAGE.'/dead-letters/1-1', self::PAGE.'/dead-letters/confirm?all=1'] as $path) {
            $answer = $this->get($path)->assertStatus(503);
            $this->assertMatchesRegularExpression('/Redis is unavailable .*Redis at 127.0.0.1:\d+: unreachable/', $this->text($answer->getContent()), $path);
            $answer->assertHeader('X-Resonate-Webhooks');
        }

        $this->post(self::PAGE.'/dead-letters/forget', ['_token' => csrf_token(), 'all' => '1'])->assertStatus(503);
        $this->assertSame([], $this->application->log(), 'no exception is reported');
    }

    public function test_an_invalid_config_is_shown(): void
    {
        $this->open(['ttl' => 'soon']);
        $this->assertStringContainsString('resonate-webhooks.ttl', $this->text($this->get(self::PAGE)->assertStatus(503)->getContent()));
    }
}
