<?php

declare(strict_types=1);

namespace Tests\Dashboard;

use Illuminate\Auth\GenericUser;
use Illuminate\Contracts\Console\Kernel;
use Illuminate\Support\Facades\Gate;
use PHPUnit\Framework\Attributes\TestWith;
use Tests\Support\Process;
use Webpatser\ResonateWebhooks\Native\Cluster;

final class AccessTest extends DashboardTestCase
{
    /**
     * The paths of all GET routes.
     */
    private const array PATHS = ['', '/live', '/dead-letters', '/dead-letters/1-1', '/dead-letters/confirm?all=1', '/endpoints/confirm', '/endpoints/show', '/assets/dashboard.js'];

    public function test_outside_of_the_local_environment_access_is_forbidden(): void
    {
        $this->open(environment: 'production');
        $this->user = new GenericUser(['id' => 1]);
        $this->deadLetters()->count();

        foreach (self::PATHS as $path) {
            $this->get(self::PAGE.$path)->assertForbidden();
        }

        $this->app['session']->driver()->start();

        foreach (['/endpoints/pause', '/endpoints/resume', '/dead-letters/retry', '/dead-letters/forget'] as $path) {
            $this->post(self::PAGE.$path, ['_token' => csrf_token(), 'all' => '1', 'endpoint' => 'billing'])->assertForbidden();
        }
    }

    public function test_a_gate_of_the_application_decides_on_access(): void
    {
        $this->open(environment: 'production');
        Gate::define('viewResonateWebhooks', fn (GenericUser $user) => $user->id === 7);

        $this->get(self::PAGE)->assertForbidden();
        $this->user = new GenericUser(['id' => 7]);
        $this->app['auth']->forgetGuards();
        $this->get(self::PAGE)->assertOk();
    }

    public function test_an_action_requires_a_csrf_token(): void
    {
        $this->open(['endpoints' => ['billing' => $this->endpoint()]]);
        $this->get(self::PAGE)->assertOk();

        foreach (['/endpoints/pause', '/endpoints/resume', '/dead-letters/retry', '/dead-letters/forget'] as $path) {
            $this->post(self::PAGE.$path, ['endpoint' => 'billing', 'all' => '1'])->assertStatus(419);
            $this->get(self::PAGE.$path)->assertStatus(405);
        }

        $cluster = new Cluster($this->config());
        $this->assertSame([], $cluster->paused());
        $this->post(self::PAGE.'/endpoints/pause', ['_token' => csrf_token(), 'endpoint' => 'billing'])->assertRedirect();
        $this->assertSame(['billing'], array_keys($cluster->paused()));
    }

    public function test_pages_load_only_their_own_assets_and_have_security_headers(): void
    {
        $this->open();
        $answer = $this->get(self::PAGE)->assertOk();
        $page = $answer->getContent();

        $this->assertStringContainsString("default-src 'none'; script-src 'self'; style-src 'self'", $answer->headers->get('Content-Security-Policy'));
        $this->assertStringContainsString('no-store', $answer->headers->get('Cache-Control'));
        $this->assertDoesNotMatchRegularExpression('~ on\w+=|style=|<style|<script(?![^>]* src="/)|href="(?!/|#|data:,)~', $page);

        foreach (['css' => 'text/css', 'js' => 'text/javascript'] as $kind => $type) {
            $this->assertSame(1, preg_match("~\"(/[^\"]+dashboard\\.{$kind}\\?v=\w+)\"~", $page, $url));
            $asset = $this->get($url[1])->assertOk();
            $this->assertStringStartsWith($type, $asset->headers->get('Content-Type'));
            $this->assertStringContainsString('immutable', $asset->headers->get('Cache-Control'));
            $this->assertDoesNotMatchRegularExpression('~https?://(?!www\.w3\.org/2000/svg)~', $asset->getContent(), 'no external assets');
        }

        $this->get(self::PAGE.'/assets/..%2f..%2froutes%2fdashboard.php')->assertNotFound();
    }

    public function test_urls_have_no_scheme_and_host_behind_an_untrusted_proxy(): void
    {
        $this->open(['endpoints' => ['billing' => $this->endpoint()]]);
        $node = $this->giveUp(['one']);
        [$deadLetter] = $this->deadLetters()->list();
        $this->withHeaders(['X-Forwarded-Proto' => 'https', 'X-Forwarded-Host' => 'admin.example.com']);
        $pages = ['', '/live', '/dead-letters', '/dead-letters?search=one', "/dead-letters/{$deadLetter['id']}", '/dead-letters/confirm?all=1',
            "/dead-letters/confirm?ids[]={$deadLetter['id']}&action=forget", '/endpoints/confirm?action=pause&endpoint=billing'];

        foreach ($pages as $path) {
            $page = $this->get(self::PAGE.$path)->assertOk()->getContent();
            preg_match_all('~ (?:href|src|action|data-url)="([^"#]+)"~', $page, $urls);
            $this->assertNotSame([], $urls[1], $path);
            $this->assertSame([], preg_grep('~^(?!/resonate-webhooks|data:,)~', $urls[1]), $path);
        }

        foreach (['/endpoints/pause' => '', '/endpoints/resume' => '', '/dead-letters/forget' => '/dead-letters'] as $path => $next) {
            $answer = $this->post(self::PAGE.$path, ['_token' => csrf_token(), 'endpoint' => 'billing'])->assertStatus(302);
            $this->assertSame(self::PAGE.$next, $answer->headers->get('Location'));
        }

        $this->assertSame(self::PAGE.'/dead-letters', $this->get(self::PAGE.'/dead-letters/confirm')->headers->get('Location'));
        $node->stop();
    }

    public function test_urls_contain_the_folder_of_the_application(): void
    {
        $this->open();
        $this->withServerVariables(['SCRIPT_NAME' => '/shop/index.php', 'SCRIPT_FILENAME' => '/srv/shop/index.php', 'REQUEST_URI' => '/shop'.self::PAGE, 'PHP_SELF' => '/shop/index.php']);
        $page = $this->get('/shop'.self::PAGE)->assertOk()->getContent();

        $this->assertStringContainsString('href="/shop/resonate-webhooks/dead-letters"', $page);
        $this->assertStringContainsString('src="/shop/resonate-webhooks/assets/dashboard.js?', $page);
        $this->assertStringContainsString('data-url="/shop/resonate-webhooks/live"', $page);
    }

    /**
     * @param  array<string, mixed>  $dashboard
     */
    #[TestWith([['enabled' => false], '/resonate-webhooks', 404])]
    #[TestWith([['enabled' => 'false'], '/resonate-webhooks', 404])]
    #[TestWith([['path' => '/admin/hooks/'], '/resonate-webhooks', 404])]
    #[TestWith([['path' => '/admin/hooks/'], '/admin/hooks', 200])]
    #[TestWith([['path' => null, 'middleware' => null], '/resonate-webhooks', 200])]
    #[TestWith([['domain' => 'admin.test'], '/resonate-webhooks', 404])]
    #[TestWith([['domain' => 'admin.test'], 'http://admin.test/resonate-webhooks', 200])]
    public function test_the_config_sets_its_path_and_domain(array $dashboard, string $url, int $status): void
    {
        $this->open(['dashboard' => $dashboard]);

        $this->get($url)->assertStatus($status);
    }

    public function test_its_routes_can_be_cached(): void
    {
        $this->open();
        $kernel = $this->app->make(Kernel::class);

        $this->assertSame(0, $kernel->call('route:cache'));
        $this->assertStringContainsString('Routes cached successfully', $kernel->output());
        $this->assertStringContainsString('resonate-webhooks.dashboard.dead-letters.show', (string) file_get_contents($this->app->getCachedRoutesPath()));
    }

    public function test_without_the_extension_the_page_says_so(): void
    {
        $pages = array_map(fn (string $line) => json_decode($line, true, flags: JSON_THROW_ON_ERROR), Process::plainPhp('dashboard-without-extension.php', 'a dashboard without the extension')->rest());

        $this->assertCount(7, $pages);

        foreach ($pages as [$path, $status, $page]) {
            if ($path === '/assets/dashboard.css') {
                $this->assertSame(200, $status);
            } else {
                $this->assertSame(503, $status, $path);
                $this->assertMatchesRegularExpression('/The extension is not loaded .*resonate_webhooks is not loaded/', $this->text($page), $path);
            }
        }
    }
}
