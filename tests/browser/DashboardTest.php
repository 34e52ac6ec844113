<?php

declare(strict_types=1);

namespace Tests\Browser;

use PHPUnit\Framework\Attributes\TestWith;
use Tests\PluginTestCase;
use Tests\Support\Node;
use Tests\Support\Receiver;
use Tests\Support\RedisServer;
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

    public function test_the_overview_refreshes_while_it_is_visible(): void
    {
        $this->open(['good' => $this->endpoint()]);
        $this->browser->visit($this->site->url());
        $this->assertStringContainsString('0 events delivered', $this->browser->text('tbody tr'));
        $this->browser->run('document.querySelector("tbody a").focus(); window.before = document.querySelector("tbody tr")');

        $this->node->command('ann', 'subscribe', 'private-room');
        $this->awaitText('1 event delivered', 'tbody tr');
        $this->assertTrue($this->browser->run('return window.before !== document.querySelector("tbody tr")'));
        $this->assertStringStartsWith('History', $this->browser->run('return document.activeElement.textContent'), 'the focus is kept');

        // A hidden page does not refresh. When it becomes visible again, it refreshes at once.
        $this->browser->run('window.asked = 0; const ask = window.fetch; window.fetch = (...request) => { window.asked++; return ask(...request); }');
        $show = fn (bool $hidden) => $this->browser->run('Object.defineProperty(document, "hidden", { value: '.json_encode($hidden).', configurable: true }); document.dispatchEvent(new Event("visibilitychange")); return window.asked');
        $before = $show(true);
        Wait::pause(7.0);
        $this->assertSame($before, $this->browser->run('return window.asked'));
        $this->assertSame($before + 1, $show(false));
        $this->assertSame([], $this->browser->consoleMessages());
    }

    #[TestWith(['light', true])]
    #[TestWith(['dark', false])]
    public function test_the_history_is_there_on_the_first_look_and_visible_in_both_themes(string $scheme, bool $scripts): void
    {
        $this->open(['good' => $this->endpoint()], scheme: $scheme, scripts: $scripts);
        // Delivered, given up, four causes of failures, and 14 buckets of the latency.
        $this->record(0, [40, 0, 0, 0, 0, 0, 0, 40]);
        $this->record(7, [20, 5, 4, 10, 2, 4, 0, 20, 0, 0, 20]);
        $this->record(5 * 60, [300, 0, 0, 100, 0, 0, 0, 400]);
        $this->browser->visit($this->site->url());

        $this->assertStringContainsString('60 requests delivered, 20 attempts failed, 5 given up', $this->browser->text('[aria-labelledby=hour-title]'));
        $this->assertMatchesRegularExpression('/The minutes? \d\d:\d\d/', $this->browser->text('[aria-labelledby=hour-title] p'));
        $this->assertStringContainsString('360 requests delivered, 120 attempts failed, 5 given up', $this->browser->text('[aria-labelledby=day-title]'));
        $this->assertSame(['image', 'Requests 60 requests delivered, 20 attempts failed, 5 given up'], $this->browser->accessible('[aria-labelledby^=hour-0]'));
        $this->assertSame(['image', 'Failures by reason 10 × HTTP 5xx, 4 × HTTP 4xx, 4 × no answer, 2 × other status'], $this->browser->accessible('[aria-labelledby^=hour-1]'));

        // The bars of the hour: two delivered, one failed. Their heights are as their numbers.
        $bars = $this->browser->run('return [...document.querySelectorAll("[aria-labelledby^=hour-0] rect")].map((bar) => { const { x, width, height } = bar.getBoundingClientRect(); return [bar.getAttribute("class"), x, width, height]; })');
        $this->assertSame(['chart-good', 'chart-good incomplete', 'chart-bad'], array_column($bars, 0));
        $this->assertEqualsWithDelta(2.0, $bars[1][3] / $bars[0][3], 0.1);
        $this->assertEqualsWithDelta($bars[0][3], $bars[2][3], 1.0);
        $this->assertGreaterThan(50, $bars[1][3]);
        $this->assertGreaterThan($bars[0][1] + 5 * $bars[0][2], $bars[1][1]);

        // Everything that is drawn contrasts with the card (WCAG 1.4.11).
        $this->assertSame([], $this->browser->run(<<<'JS'
            const rgb = (text) => text.match(/[\d.]+/g).slice(0, 3).map(Number);
            const light = (text) => rgb(text).map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4).reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
            const card = light(getComputedStyle(document.querySelector('.card')).backgroundColor);
            const contrast = (colour) => (Math.max(light(colour), card) + 0.05) / (Math.min(light(colour), card) + 0.05);

            return [...document.querySelectorAll('.chart rect:not(.incomplete), .chart polyline')]
                .map((shape) => { const style = getComputedStyle(shape); return shape.tagName === 'rect' ? style.fill : style.stroke; })
                .filter((colour) => contrast(colour) < 3);
            JS));
        $this->assertSame([], $this->browser->consoleMessages());
    }

    public function test_the_history_is_readable_by_keyboard_and_stays_open_when_the_page_refreshes(): void
    {
        $this->open(['good' => $this->endpoint()]);
        $this->record(3, [20, 0, 0, 7, 0, 0, 0, 27]);
        $this->browser->visit($this->site->url());
        $focused = fn () => $this->browser->run('return document.activeElement.id');

        for ($presses = 0; $focused() !== 'hour-numbers-toggle' && $presses < 30; $presses++) {
            $this->browser->press("\u{E004}");
        }

        $this->assertSame('hour-numbers-toggle', $focused());
        $this->assertSame('solid', $this->browser->run('return getComputedStyle(document.activeElement).outlineStyle'));
        $this->browser->press("\u{E007}");
        $this->assertMatchesRegularExpression('/\d\d:\d\d\s+20\s+7\s+0\s+0\s+7\s+0\s+0/', $this->browser->text('#hour-numbers'));
        $this->assertSame(['region', 'Last hour as a table'], $this->browser->accessible('#hour-numbers .scroll'));

        $this->record(3, [100, 0, 0, 0, 0, 0, 0, 100]);
        $this->awaitText('120', '#hour-numbers');
        $this->assertSame('hour-numbers-toggle', $focused());
        $this->browser->follow('tbody td a');
        $this->assertStringContainsString('Last 24 hours', $this->browser->text('main'));
        $this->assertSame(6, $this->browser->run('return document.querySelectorAll("main svg[role=img]").length'));
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

        foreach (range(1, 3) as $_) {
            $this->browser->press("\u{E004}");
            $reached[] = $this->browser->run('return document.activeElement.id.split("-")[0] + getComputedStyle(document.activeElement).outlineStyle');
        }

        $this->assertSame(['tosolid', 'historysolid', 'pausesolid'], $reached);
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

    /**
     * Add numbers to a minute of all endpoints in Redis, as servers do.
     *
     * @param  list<int>  $numbers
     */
    private function record(int $minutesAgo, array $numbers): void
    {
        $minute = intdiv(time(), 60) - $minutesAgo;

        foreach ($numbers as $place => $number) {
            RedisServer::shared()->command('BITFIELD', $this->config()['key_prefix'].':history:'.intdiv($minute, 60), 'INCRBY', 'u22', '#'.($minute % 60 * 20 + $place), (string) $number);
        }
    }

    private function awaitText(string $text, string $selector): void
    {
        Wait::until(fn () => str_contains($this->browser->text($selector), $text), fn () => "'{$text}' in: ".$this->browser->text($selector), 30.0);
    }
}
