<?php

declare(strict_types=1);

namespace Tests\Dashboard;

use DOMDocument;
use DOMXPath;
use Tests\Support\Receiver;
use Tests\Support\TestApplication;
use Tests\Support\Wait;
use Webpatser\ResonateWebhooks\Native\Cluster;
use Webpatser\ResonateWebhooks\Support\SanitizedText;

final class EscapingTest extends DashboardTestCase
{
    private const string EVIL = '"\'><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}&lt;';

    public function test_text_of_clients_and_endpoints_is_escaped_on_every_page(): void
    {
        $evil = self::EVIL;
        $endpoints = ["e{$evil}" => ['url' => Receiver::shared()->url($this->path('/status/500')).'/<script>alert(3)</script>?q=<script>', 'name' => "n{$evil}"]];
        $this->open(['endpoints' => $endpoints]);
        $apps = [['app_id' => "a{$evil}", 'key' => 'key-1', 'secret' => 'secret-1'] + TestApplication::app('1')];
        $node = $this->node(['max_attempts' => 1, 'endpoints' => $endpoints], $apps);
        $node->connect('ann');
        $node->command('ann', 'subscribe', "private-{$evil}");
        $cluster = new Cluster($this->config(['endpoints' => $endpoints]));
        Wait::until(fn () => ($status = $cluster->status())['dead_letters'] === 1 && ($status['endpoints'][0]['drops'] ?? 0) === 1, 'the dead letter');
        [$deadLetter] = $this->deadLetters()->list();
        $this->assertStringContainsString('<script>alert(1)', $this->deadLetters()->find($deadLetter['id'])['body']);

        $endpoint = urlencode("e{$evil}");
        $pages = ['' => ['n', 'a'], '/live' => ['n', 'a'], '/dead-letters' => ['a'], "/dead-letters/{$deadLetter['id']}" => ['a', 'private-'],
            '/dead-letters?search='.urlencode("private-{$evil}") => ['private-'], '/dead-letters?search='.urlencode("x{$evil}") => ['x'],
            "/endpoints/confirm?action=pause&endpoint={$endpoint}" => ['n', 'e'], "/endpoints/show?endpoint={$endpoint}" => ['n']];

        foreach ($pages as $path => $shown) {
            $page = $this->get(self::PAGE.$path)->assertOk()->getContent();
            $this->assertHarmless($page, $path);

            foreach ($shown as $prefix) {
                $json = substr(json_encode($prefix.$evil, JSON_UNESCAPED_SLASHES), 1, -1);
                $this->assertTrue(str_contains($page, e($prefix.$evil)) || str_contains($page, e($json)), "{$path} shows {$prefix}");
            }
        }

        $this->post(self::PAGE.'/endpoints/pause', ['_token' => csrf_token(), 'endpoint' => "e{$evil}"])->assertRedirect();
        $page = $this->get(self::PAGE)->getContent();
        $this->assertStringContainsString('is paused. Servers stop sending', $page);
        $this->assertHarmless($page, 'the message of the operation');
        $node->stop();
    }

    public function test_invisible_and_bidirectional_characters_are_escaped(): void
    {
        $this->assertSame('a\u202eb\u0000\u000a\u2066 é 👩‍💻', SanitizedText::line("a\u{202E}b\0\n\u{2066} é 👩‍💻"));
        $this->assertSame("{\n    \"a\": {},\n    \"b\": [],\n    \"c\": \"\\u202e\\u0001 \\/é\",\n    \"d\": 1.0\n}", SanitizedText::json('{"a":{},"b":[],"c":"'."\u{202E}".'\u0001 \/é","d":1.0}'));
        $this->assertSame('not json \u0007', SanitizedText::json("not json \x07"));
        $this->assertSame('?', SanitizedText::line("\xff"));
        $this->assertLessThanOrEqual(SanitizedText::MAX_BYTES, strlen(SanitizedText::json('["'.str_repeat('é', SanitizedText::MAX_BYTES).'"]')));
    }

    /**
     * Assert that a page contains only the elements of the views.
     */
    private function assertHarmless(string $html, string $page): void
    {
        $document = new DOMDocument;
        @$document->loadHTML('<?xml encoding="utf-8">'.$html);
        $path = new DOMXPath($document);

        $this->assertSame(0, $path->query('//img | //script[not(@src)] | //@*[starts-with(name(), "on")]')->length, $page);
        $this->assertStringNotContainsString('49&amp;lt;', $html, $page);
    }
}
