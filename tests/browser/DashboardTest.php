<?php

declare(strict_types=1);

namespace Tests\Browser;

use Tests\PluginTestCase;
use Tests\Support\Node;
use Tests\Support\Receiver;
use Tests\Support\Wait;
use Webpatser\ResonateWebhooks\Native\Cluster;
use Webpatser\ResonateWebhooks\Native\DeadLetters;

/**
 * The dashboard in a real browser, with real servers.
 */
final class DashboardTest extends PluginTestCase
{
    private const string EVIL = '"\'><script>document.title = "run"</script><img src=x onerror="document.title = \'run\'">';

    private ?Browser $browser = null;

    private ?Site $site = null;

    private ?Node $node = null;

    protected function tearDown(): void
    {
        // The browser first, because it sends requests until it is closed.
        $this->browser = null;
        $this->site = null;
        $this->node?->stop();

        parent::tearDown();
    }

    public function test_the_overview_refreshes_while_it_is_visible_and_draws_charts(): void
    {
        $this->open(['good' => $this->endpoint()]);
        $this->browser->visit($this->site->url());
        $this->assertStringContainsString('0 events delivered', $this->browser->text('tbody tr'));
        $this->assertSame('Collecting data…', $this->browser->text('.sparks'));
        $this->browser->run('document.querySelector("tbody a").focus(); window.before = document.querySelector("tbody tr")');

        $this->node->command('ann', 'subscribe', 'private-room');
        $this->awaitText('1 event delivered', 'tbody tr');
        $this->awaitText('1 request delivered, 0 failed in', '.sparks');
        $this->assertSame([2, true], $this->browser->run('return [document.querySelectorAll(".sparks svg").length, window.before !== document.querySelector("tbody tr")]'));
        $this->assertStringStartsWith('Pause', $this->browser->run('return document.activeElement.textContent'), 'the focus is kept');
        $this->assertGreaterThan(20, $this->browser->run('return Math.max(...[...document.querySelectorAll(".spark-good")].map((bar) => Number(bar.getAttribute("height"))))'));

        // A hidden page does not refresh. When it becomes visible again, it refreshes at once.
        $this->browser->run('window.asked = 0; const ask = window.fetch; window.fetch = (...request) => { window.asked++; return ask(...request); }');
        $show = fn (bool $hidden) => $this->browser->run('Object.defineProperty(document, "hidden", { value: '.json_encode($hidden).', configurable: true }); document.dispatchEvent(new Event("visibilitychange")); return window.asked');
        $before = $show(true);
        Wait::pause(7.0);
        $this->assertSame($before, $this->browser->run('return window.asked'));
        $this->assertSame($before + 1, $show(false));
        $this->assertSame([], $this->browser->consoleMessages());
    }

    public function test_it_shows_when_redis_or_the_application_is_down_and_when_they_recover(): void
    {
        $this->open(['good' => $this->endpoint()]);
        $this->browser->visit($this->site->url());
        $this->browser->run('window.ask = window.fetch; window.fetch = async () => { throw new TypeError("gone"); }');
        $this->awaitText('the application does not respond', '#refresh');
        $this->assertTrue($this->browser->run('return document.querySelector("#live").classList.contains("stale")'));
        $this->browser->run('window.fetch = window.ask');
        $this->awaitText('Refreshed at', '#refresh');
        $this->assertFalse($this->browser->run('return document.querySelector("#live").classList.contains("stale")'));
    }

    public function test_scripts_in_text_of_clients_do_not_run(): void
    {
        $this->open(['evil' => ['url' => Receiver::shared()->url($this->path('/status/500')), 'name' => self::EVIL]], ['max_attempts' => 1]);
        $this->node->command('ann', 'subscribe', 'private-'.self::EVIL);
        $deadLetters = new DeadLetters($this->config());
        Wait::until(fn () => $deadLetters->count() === 1, 'the dead letter');

        foreach (['', '/dead-letters', '/dead-letters/'.$deadLetters->list()[0]['id'], '/endpoints/confirm?action=pause&endpoint=evil'] as $path) {
            $this->browser->visit($this->site->url($path));
            $this->assertStringNotContainsString('run', $this->browser->run('return document.title'), $path);
            $this->assertSame(0, $this->browser->run('return document.querySelectorAll("main img, main script").length'), $path);
            $this->assertSame([], $this->browser->consoleMessages(), $path);
        }

        $this->browser->visit($this->site->url());
        Wait::until(fn () => $this->browser->run('return performance.getEntriesByType("resource").some((entry) => entry.name.endsWith("/live"))'), 'the refresh');
        $this->awaitText('Refreshed at', '#refresh');
        $this->assertStringContainsString(self::EVIL, $this->browser->text('tbody th'));
        $this->assertSame([], $this->browser->consoleMessages());

        // Even if escaping failed, the policy would prevent the script.
        $this->browser->run('document.querySelector("main").insertAdjacentHTML("beforeend", "<img src=x onerror=\"document.title = `run`\">")');
        Wait::until(fn () => preg_grep('/Content Security Policy/', $this->browser->consoleMessages()) !== [], 'the refusal');
        $this->assertStringNotContainsString('run', $this->browser->run('return document.title'));
    }

    public function test_a_link_that_the_browser_follows_late_is_waited_for(): void
    {
        $this->open(['good' => $this->endpoint()]);
        $this->browser->visit($this->site->url());
        $this->browser->run(<<<'JS'
            document.querySelector('nav a:last-child').addEventListener('click', (event) => {
                event.preventDefault();
                setTimeout(() => { location = event.target.href; }, 500);
            });
            JS);

        $this->assertStringContainsString('There are no dead letters', $this->browser->follow('nav a:last-child')->text('main'));
    }

    public function test_dead_letters_are_selected_and_retried_and_an_endpoint_is_paused_without_javascript(): void
    {
        $this->open(['good' => $this->endpoint('/flaky/2')], ['max_attempts' => 1], scripts: false);
        $deadLetters = new DeadLetters($this->config());

        foreach (['one', 'two'] as $place => $channel) {
            $this->node->command('ann', 'subscribe', $channel);
            Wait::until(fn () => $deadLetters->count() === $place + 1, 'the dead letter');
        }

        $this->browser->visit($this->site->url('/dead-letters'));
        $this->browser->click('tbody input[type=checkbox]')->follow('button[value=retry]');
        $this->assertStringContainsString('Retry 1 dead letter?', $this->browser->text('main'));
        $this->browser->follow('main form button');
        $this->assertStringContainsString('1 dead letter queued', $this->browser->text('main'));
        $this->assertEvents(['channel_occupied two'], '/flaky/2');

        $this->browser->visit($this->site->url());
        $this->assertStringContainsString('Without JavaScript', $this->browser->text('#refresh'));
        $this->browser->follow('td.actions a')->follow('main form button');
        $this->assertStringContainsString('is paused. Servers stop sending', $this->browser->text('main'));
        $this->assertSame(['good'], array_keys((new Cluster($this->config()))->paused()));
    }

    public function test_it_fits_narrow_screens_and_has_a_dark_mode(): void
    {
        $this->open(['long' => $this->endpoint('/status/500', ['name' => str_repeat('endpoint', 12)])], width: 360, scheme: 'dark');
        $this->node->command('ann', 'subscribe', str_repeat('c', 150));

        foreach (['', '/dead-letters', '/endpoints/confirm?action=pause&endpoint=long'] as $path) {
            $this->browser->visit($this->site->url($path));
            $this->assertSame(360, $this->browser->run('return document.documentElement.scrollWidth'), $path);
            $this->assertSame('rgb(18, 21, 27)', $this->browser->run('return getComputedStyle(document.body).backgroundColor'));
        }
    }

    public function test_the_keyboard_suffices(): void
    {
        $this->open(['good' => $this->endpoint()]);
        $this->browser->visit($this->site->url())->press("\u{E004}");
        $this->assertSame('Skip to the content', $this->browser->run('return document.activeElement.textContent'));
        $this->assertGreaterThanOrEqual(0, $this->browser->run('return document.activeElement.getBoundingClientRect().top'));
        $this->browser->press("\u{E007}");
        $this->assertSame('main', $this->browser->run('return document.activeElement.id'));

        $reached = [];

        foreach (range(1, 2) as $_) {
            $this->browser->press("\u{E004}");
            $reached[] = $this->browser->run('return document.activeElement.id.split("-")[0] + getComputedStyle(document.activeElement).outlineStyle');
        }

        $this->assertSame(['tosolid', 'pausesolid'], $reached);
        $this->browser->press("\u{E007}");
        $this->awaitText('Pause this endpoint?', 'main');
        $this->assertSame([], $this->browser->run(<<<'JS'
            return [...document.querySelectorAll('input:not([type=hidden]), button, a')]
                .filter((element) => !(element.textContent.trim() || element.ariaLabel || element.labels?.length)).map((element) => element.outerHTML)
            JS));
    }

    /**
     * Start a server with a client called ann, a site, and a browser.
     *
     * @param  array<string, array<string, mixed>>  $endpoints
     * @param  array<string, mixed>  $changes
     */
    private function open(array $endpoints, array $changes = [], int $width = 1280, string $scheme = 'light', bool $scripts = true): void
    {
        $config = $this->config(['endpoints' => $endpoints, ...$changes]);
        $this->node = new Node($config);
        $this->node->connect('ann');
        $cluster = new Cluster($config);
        Wait::until(fn () => $cluster->status()['endpoints'] !== [], 'the report of the server');
        $this->site = new Site($config);
        $this->browser = new Browser($width, scheme: $scheme, scripts: $scripts);
    }

    private function awaitText(string $text, string $selector): void
    {
        Wait::until(fn () => str_contains($this->browser->text($selector), $text), fn () => "'{$text}' in: ".$this->browser->text($selector), 30.0);
    }
}
