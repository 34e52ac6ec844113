<?php

declare(strict_types=1);

namespace Tests;

use Illuminate\Http\Request;
use Illuminate\Support\Arr;
use Tests\Support\Docs;
use Tests\Support\Receiver;

/**
 * The examples of the README work as shown.
 */
final class ReadmeTest extends PluginTestCase
{
    public function test_its_events_look_like_delivered_ones(): void
    {
        $ann = $this->serve()->connect();
        $ann->join('presence-chat.42', 7)->whisper('presence-chat.42', 'client-typing', ['draft' => 'Hel'])->close();
        $this->awaitEvent('channel_vacated presence-chat.42');

        $shown = json_decode(Docs::code('README.md', 'json'), true, flags: JSON_THROW_ON_ERROR);
        $shown['events'][2]['socket_id'] = $ann->id();

        $this->assertSame($shown['events'], Receiver::shared()->events($this->path()));
        $this->assertSame(array_keys($shown), array_keys(json_decode(
            Receiver::shared()->requests($this->path())[0]['body'], true, flags: JSON_THROW_ON_ERROR,
        )));
    }

    public function test_its_route_and_listener_handle_a_webhook_once_and_reject_a_forged_one(): void
    {
        $this->serve()->connect()->join('presence-room', 7);
        $this->awaitEvent('member_added presence-room 7');
        $webhook = Arr::last(Receiver::shared()->requests($this->path()));

        eval(Docs::code('README.md', 'php', 'Route::'));
        eval(Docs::code('README.md', 'php', 'Event::listen'));

        $this->assertSame(204, $this->post($webhook));
        $this->assertSame(204, $this->post($webhook));
        $this->assertSame(401, $this->post(['body' => strtr($webhook['body'], ['room' => 'boom'])] + $webhook));
        $this->assertSame(401, $this->post(['headers' => ['x-pusher-key' => 'nobody'] + $webhook['headers']] + $webhook));
        $this->assertSame(401, $this->post(['headers' => []] + $webhook));
        $this->assertCount(1, preg_grep('/^INFO: User 7 came to presence-room at \d{4}-/', $this->application->log()));
    }

    /**
     * Send a webhook to the route of the README, and return the status of the response.
     *
     * @param  array{headers: array<string, string>, body: string}  $webhook
     */
    private function post(array $webhook): int
    {
        $request = Request::create('/webhooks/resonate', 'POST', content: $webhook['body']);
        $request->headers->add(['accept' => 'application/json'] + $webhook['headers']);

        $this->application->laravel->instance('request', $request);

        return $this->application->laravel['router']->dispatch($request)->getStatusCode();
    }
}
