<?php

declare(strict_types=1);

namespace Tests;

use Illuminate\Contracts\Console\Kernel;
use PHPUnit\Framework\Attributes\DataProvider;
use RuntimeException;
use Tests\Support\Artisan;
use Tests\Support\Docs;
use Tests\Support\RedisServer;
use Tests\Support\Wait;
use Webpatser\Resonate\Contracts\ApplicationProvider;
use Webpatser\ResonateWebhooks\Contracts\Cluster;
use Webpatser\ResonateWebhooks\Contracts\DeadLetters;

/**
 * Commands exit with 0 on success, 1 on an error and 2 without a running server; with `--json` their output is JSON in every case.
 */
final class ExitCodeTest extends PluginTestCase
{
    private ?Artisan $artisan = null;

    protected function tearDown(): void
    {
        parent::tearDown();
        $this->artisan?->remove($this);
    }

    public function test_the_docs_list_the_exit_codes_of_every_command_in_one_table(): void
    {
        $commands = array_filter(array_keys($this->artisan()->laravel->make(Kernel::class)->all()), fn (string $name) => str_starts_with($name, 'resonate-webhooks:'));
        preg_match_all('/^\| `(resonate-webhooks:\w+)[^|]*\|[^|]*\|([^|]*)\|([^|]*)\|$/m', Docs::text('docs/operations.md'), $rows);

        $this->assertEqualsCanonicalizing(array_values($commands), $rows[1]);
        $this->assertSame([], array_filter($rows[2], fn (string $wrong) => trim($wrong) === ''), 'each can fail');
        $this->assertSame(
            ['resonate-webhooks:status', 'resonate-webhooks:check'],
            array_keys(array_filter(array_combine($rows[1], $rows[3]), fn (string $nothingRuns) => trim($nothingRuns) !== '')),
        );
    }

    public function test_status_and_a_strict_check_exit_with_2_without_a_running_server(): void
    {
        $artisan = $this->artisan();
        $this->assertSame(2, $artisan->call('status')[0]);
        [$code, $output] = $artisan->call('status', ['--json' => true]);
        $this->assertSame([2, []], [$code, json_decode($output, true, flags: JSON_THROW_ON_ERROR)['nodes']]);
        $this->assertSame([0, 2, 2], [$artisan->call('check')[0], $artisan->call('check', ['--strict' => true])[0], $artisan->call('check', ['--strict' => true, '--json' => true])[0]]);

        $node = $this->node();
        Wait::until(fn () => $artisan->call('status')[0] === 0, 'the report of the server');
        $this->assertSame(0, $artisan->call('check', ['--strict' => true])[0]);

        $node->stop();
        Wait::until(fn () => $artisan->call('status')[0] === 2, 'the end of the server');
        $artisan->laravel->forgetScopedInstances();
        $artisan->laravel['config']->set('resonate-webhooks.ttl', 'soon');
        $this->assertSame(1, $artisan->call('check', ['--strict' => true])[0], 'errors come first');
    }

    /**
     * @param  array<string, mixed>  $arguments
     */
    #[DataProvider('mistakes')]
    public function test_an_invalid_option_is_refused(string $command, array $arguments, string $sentence): void
    {
        foreach ([[], in_array($command, ['failed', 'watch'], true) ? ['--json' => true] : []] as $more) {
            [$code, $output] = $this->artisan()->call($command, [...$arguments, ...$more]);
            $this->assertSame(1, $code, $output);
            $this->assertStringContainsString($sentence, $output);
            $more === [] || $this->assertSame(['error'], array_keys(json_decode($output, true, flags: JSON_THROW_ON_ERROR)));
        }
    }

    /**
     * @return iterable<array{string, array<string, mixed>, string}>
     */
    public static function mistakes(): iterable
    {
        yield ['failed', ['--limit' => 'abc'], 'The --limit option must be a whole number above zero'];
        yield ['failed', ['--limit' => '0'], 'The --limit option must be'];
        yield ['failed', ['--before' => 'garbage'], 'The --before option must be the ID of a dead letter'];
        yield ['flush', ['--hours' => '-1', '--force' => true], 'The --hours option must be a number above zero'];
        yield ['watch', ['--seconds' => 'soon'], 'The --seconds option must be a number above zero'];
    }

    /**
     * @param  array<string, mixed>  $arguments
     */
    #[DataProvider('jsonCommands')]
    public function test_json_output_stays_json_on_every_failure(string $command, array $arguments): void
    {
        $trouble = [
            'Redis' => fn (Artisan $artisan) => $artisan->laravel['config']->set('resonate-webhooks.connection', ['host' => '/nowhere/redis.sock']),
            'the config' => fn (Artisan $artisan) => $artisan->laravel['config']->set('resonate-webhooks.ttl', 'soon'),
            'anything' => fn (Artisan $artisan) => $artisan->laravel['config']->set('resonate-webhooks', 'soon'),
            'the container' => function (Artisan $artisan): void {
                $artisan->laravel->bind(Cluster::class, fn () => throw new RuntimeException('not today'));
                $artisan->laravel->bind(DeadLetters::class, fn () => throw new RuntimeException('not today'));
            },
        ];

        foreach ($trouble as $what => $make) {
            $make($artisan = $this->artisan());
            [$code, $output] = $artisan->call($command, [...$arguments, '--json' => true]);
            $answer = json_decode($output, true, flags: JSON_THROW_ON_ERROR);

            // `test` needs no Redis, and `check` reports errors as findings.
            $this->assertSame($command === 'test' && $what === 'Redis' ? 0 : 1, $code, "{$what}: {$output}");
            $code === 0 || $this->assertTrue(isset($answer['error']) || in_array('error', array_column($answer, 'level'), true), "{$what}: {$output}");
        }
    }

    /**
     * @return iterable<string, array{string, array<string, mixed>}>
     */
    public static function jsonCommands(): iterable
    {
        foreach (['status' => [], 'check' => [], 'test' => [], 'failed' => [], 'show' => ['id' => '1-1'], 'watch' => ['--seconds' => 1]] as $command => $arguments) {
            yield $command => [$command, $arguments];
        }
    }

    public function test_show_json_of_an_unknown_dead_letter_is_json(): void
    {
        [$code, $output] = $this->artisan()->call('show', ['id' => '1-1', '--json' => true]);

        $this->assertSame([1, ['error']], [$code, array_keys(json_decode($output, true, flags: JSON_THROW_ON_ERROR))]);
    }

    public function test_test_requires_an_application_to_sign(): void
    {
        foreach (['no Resonate' => fn ($laravel) => $laravel->offsetUnset(ApplicationProvider::class),
            'no database' => fn ($laravel) => $laravel->bind(ApplicationProvider::class, fn () => throw new RuntimeException('The database is away'))] as $what => $make) {
            $make(($artisan = $this->artisan())->laravel);
            [$code, $output] = $artisan->call('test', ['--json' => true]);
            $this->assertSame(1, $code);
            $this->assertSame(['error'], array_keys(json_decode($output, true, flags: JSON_THROW_ON_ERROR)), $what);
            [$code, $output] = $artisan->call('test');
            $this->assertSame(1, $code);
            $this->assertStringContainsString('No application can sign: ', $output);
        }
    }

    public function test_show_prints_the_body_as_it_was_sent(): void
    {
        $artisan = $this->artisan();
        $body = '{"time_ms":12345678901234567890,"events":[{"a":{},"b":[],"c":1.0,"d":1e2,"e":"\u00e9\/ {,:}\"","a":null}]}';
        $prefix = $this->config()['key_prefix'];
        $id = (int) (microtime(true) * 1000).'-1';
        RedisServer::shared()->command('HSET', "{$prefix}:dead_bodies", $id, $body);
        RedisServer::shared()->command(
            'XADD', "{$prefix}:dead", $id, 'id', 'msg_1', 'endpoint', 'billing', 'url', 'http://127.0.0.1/',
            'app_id', '1', 'events', '1', 'attempts', '1', 'reason', 'HTTP 500', 'time_ms', '1', 'bytes', (string) strlen($body),
        );
        [$deadLetter] = json_decode($artisan->call('failed', ['--json' => true])[1], true, flags: JSON_THROW_ON_ERROR);
        $output = $artisan->call('show', ['id' => $deadLetter['id']])[1];

        foreach (['"time_ms": 12345678901234567890,', '"a": {},', '"b": [],', '"c": 1.0,', '"d": 1e2,', '"e": "\u00e9\/ {,:}\"",', '"a": null'] as $line) {
            $this->assertMatchesRegularExpression('~^ +'.preg_quote($line, '~').'$~m', $output);
        }
    }

    private function artisan(): Artisan
    {
        $this->artisan?->remove($this);

        return $this->artisan = new Artisan($this->config());
    }
}
