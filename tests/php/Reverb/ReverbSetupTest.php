<?php

declare(strict_types=1);

namespace Tests\Reverb;

use PHPUnit\Framework\Attributes\Group;
use PHPUnit\Framework\Attributes\TestWith;
use Tests\PluginTestCase;
use Tests\Support\FreePort;
use Tests\Support\Node;
use Tests\Support\Process;
use Tests\Support\TestApplication;
use Tests\Support\Wait;

/**
 * The conditions under which Reverb has webhooks, the log lines if it has none, and the processes that have none.
 */
#[Group('reverb')]
final class ReverbSetupTest extends PluginTestCase
{
    /**
     * @param  array<string, mixed>  $config
     */
    #[TestWith([['reverb' => false]], 'by the config')]
    #[TestWith([['reverb' => 'false']], 'by the environment')]
    #[TestWith([['reverb' => null, 'endpoints' => []]], 'for there is no endpoint')]
    public function test_reverb_is_unchanged_if_webhooks_are_off(array $config): void
    {
        $node = $this->reverb($config, with: ['tell-classes']);
        $node->connect('ann');
        $node->command('ann', 'subscribe', 'room');

        $this->assertSame($this->own(), $this->reportedClasses($node->stop()));
        $this->assertSame([], $this->events());
    }

    public function test_the_config_turns_webhooks_on_without_endpoints(): void
    {
        $this->assertNotSame($this->own(), $this->reportedClasses($this->reverb(['reverb' => true, 'endpoints' => []], with: ['tell-classes'])->stop()));
    }

    public function test_endpoints_of_an_application_turn_webhooks_on(): void
    {
        $node = $this->reverb(['endpoints' => []], [['webhooks' => [$this->endpoint()]] + TestApplication::app('1')]);
        $node->connect('ann');
        $node->command('ann', 'subscribe', 'room');

        $this->assertEvents(['channel_occupied room']);
        $node->stop();
    }

    /**
     * There, Laravel dispatches no events for commands by itself.
     */
    public function test_a_server_in_the_testing_environment_has_webhooks(): void
    {
        $node = new Node($this->config(), through: ['env', 'APP_ENV=testing'], script: 'reverb-node.php');
        $node->connect('ann');
        $node->command('ann', 'subscribe', 'room');

        $this->assertEvents(['channel_occupied room']);
        $node->stop();
    }

    public function test_a_reverb_that_is_too_old_is_logged_once_and_unchanged(): void
    {
        $log = $this->reverb(with: ['reverb-1-7', 'tell-classes'])->stop();

        $this->assertSame($this->own(), $this->reportedClasses($log));
        $this->assertSame(['ERROR: Resonate webhooks are off: Reverb 1.7.1 is not supported; install laravel/reverb ^1.8'], $this->webhookLines($log));
    }

    public function test_without_the_extension_reverb_runs_and_logs_what_is_missing(): void
    {
        $process = Process::plainPhp('reverb-node.php', 'a plain node');
        $process->writeLine((string) json_encode(['webhooks' => $this->config(), 'apps' => [], 'with' => ['tell-classes']]));
        $process->readLine();
        $process->hangUp();
        $log = $process->rest();

        $this->assertSame($this->own(), $this->reportedClasses($log));
        $this->assertCount(1, $this->webhookLines($log));
        $this->assertStringContainsString('webhooks are off: the PHP extension resonate_webhooks is not loaded', $this->webhookLines($log)[0]);
    }

    public function test_an_invalid_config_is_logged_and_reverb_runs(): void
    {
        $node = $this->reverb(['flush_intervall' => 1]);
        $node->connect('ann');
        $node->command('ann', 'subscribe', 'room');
        $this->assertCount(1, $node->command('ann', 'received', 'pusher_internal:subscription_succeeded'));

        $this->assertCount(1, preg_grep('/webhooks are off: .*flush_intervall/', $node->stop()));
    }

    public function test_a_script_that_resolves_the_server_ends(): void
    {
        [$code, $output] = $this->console(['command' => 'resolve:server'], with: ['resolving-command']);

        $this->assertSame([0, ['Laravel\Reverb\Protocols\Pusher\Server']], [$code, $output]);
    }

    public function test_a_start_on_a_used_port_ends(): void
    {
        $taken = stream_socket_server('tcp://127.0.0.1:'.($port = FreePort::find()));
        [$code, $output] = $this->console(['command' => 'reverb:start', '--host' => '127.0.0.1', '--port' => (string) $port]);

        $this->assertSame(1, $code, implode("\n", $output));
        fclose($taken);
    }

    public function test_check_reports_problems_of_reverb_and_requires_no_plugin(): void
    {
        [, $output] = $this->console(
            ['command' => 'resonate-webhooks:check', '--json' => true],
            changes: ['reverb' => false],
            apps: [TestApplication::app('1'), TestApplication::app('2', 'all')],
        );
        $findings = json_decode(implode("\n", $output), true, flags: JSON_THROW_ON_ERROR);
        $said = array_column(array_filter($findings, fn (array $finding) => $finding['subject'] === 'Reverb'), 'message');

        $this->assertNotContains('Plugin', array_column($findings, 'subject'));
        $this->assertSame([
            'resonate-webhooks.reverb is false, so Reverb sends no webhooks',
            'application 2 accepts client events from all: Reverb also relays those of clients outside the channel, for which no webhook is sent',
        ], array_values($said));
    }

    public function test_check_reports_a_reverb_that_is_too_old(): void
    {
        [$code, $output] = $this->console(['command' => 'resonate-webhooks:check', '--json' => true], ['reverb-1-7']);

        $this->assertSame(1, $code);
        $this->assertContains('Reverb 1.7.1 is not supported; install laravel/reverb ^1.8', array_column(json_decode(implode("\n", $output), true), 'message'));
    }

    public function test_a_test_is_signed_for_an_application_of_reverb(): void
    {
        [$code, $output] = $this->console(['command' => 'resonate-webhooks:test', '--json' => true]);

        $this->assertSame([0, '1', true], [$code, ...array_values(array_intersect_key(json_decode(implode("\n", $output), true)[0], ['app_id' => 0, 'ok' => 0]))]);
    }

    public function test_about_names_the_server(): void
    {
        [, $output] = $this->console(['command' => 'about', '--only' => 'resonate_webhooks'], ['reverb-1-7']);

        $this->assertMatchesRegularExpression('/Host .* Reverb 1\.7\.1/', implode("\n", $output));
    }

    /**
     * Run an Artisan command in an application with Reverb, and return its exit code and output.
     *
     * @param  array<string, mixed>  $command
     * @param  list<string>  $with
     * @param  array<string, mixed>  $changes
     * @param  list<array<string, mixed>>  $apps
     * @return array{int, list<string>}
     */
    private function console(array $command, array $with = [], array $changes = [], array $apps = []): array
    {
        $process = Process::php('reverb-console.php', 'artisan');
        $process->writeLine((string) json_encode(['webhooks' => $this->config($changes), 'apps' => $apps, 'with' => $with, 'command' => $command]));
        $process->hangUp();

        try {
            Wait::until(fn () => ! $process->running(), 'the command to end');
        } finally {
            $process->running() && $process->signal(SIGKILL);
        }

        $output = $process->rest();

        return [$process->exitCode(), $output];
    }

    /**
     * Reverb's own classes.
     *
     * @return list<string>
     */
    private function own(): array
    {
        return ['Laravel\Reverb\Protocols\Pusher\Server', 'Laravel\Reverb\Protocols\Pusher\Managers\ArrayChannelConnectionManager'];
    }

    /**
     * Get the classes that a node has reported.
     *
     * @param  list<string>  $lines
     * @return list<string>
     */
    private function reportedClasses(array $lines): array
    {
        return array_values(preg_replace('/^class /', '', preg_grep('/^class /', $lines)));
    }

    /**
     * @param  list<string>  $lines
     * @return list<string>
     */
    private function webhookLines(array $lines): array
    {
        return array_values(preg_grep('/Resonate webhooks/', $lines));
    }
}
