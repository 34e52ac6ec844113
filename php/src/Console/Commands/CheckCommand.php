<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Symfony\Component\Console\Attribute\AsCommand;
use Webpatser\ResonateWebhooks\Console\CheckResult;
use Webpatser\ResonateWebhooks\Console\Finding;
use Webpatser\ResonateWebhooks\Console\SetupCheck;
use Webpatser\ResonateWebhooks\Settings;
use Webpatser\ResonateWebhooks\Support\Format;

/**
 * Checks the setup and says how to fix it.
 */
#[AsCommand(name: 'resonate-webhooks:check')]
class CheckCommand extends WebhooksCommand
{
    /**
     * The console command signature.
     *
     * @var string
     */
    protected $signature = 'resonate-webhooks:check
                            {--strict : Exit with code 2 when no server is running}
                            {--json : Output the findings as JSON}';

    /**
     * The console command description.
     *
     * @var string
     */
    protected $description = 'Check the config, the extension, Redis, the roster and the clocks';

    /**
     * Perform the command.
     */
    protected function perform(): int
    {
        $check = new SetupCheck($this->cluster(), Settings::forExtension());
        $findings = $check->findings();

        $this->option('json') ? $this->json($findings) : $this->show($findings);

        return match (true) {
            $this->has($findings, CheckResult::Error) => self::FAILURE,
            $this->option('strict') && ! $check->foundRunningServer() => self::NO_RUNNING_SERVER,
            default => self::SUCCESS,
        };
    }

    /**
     * Show the findings and their summary.
     *
     * @param  list<Finding>  $findings
     */
    protected function show(array $findings): void
    {
        $this->newLine();

        foreach ($findings as $finding) {
            $this->components->twoColumnDetail($finding->subject, $finding->level->tone()->badge($finding->level->value));

            if ($finding->message !== '') {
                $this->components->bulletList(array_filter([$this->text(Format::sentence($finding->message)), $this->text($finding->fix)]));
            }
        }

        $this->newLine();

        match (true) {
            $this->has($findings, CheckResult::Error) => $this->components->error('Checks failed.'),
            $this->has($findings, CheckResult::Warning) => $this->components->info('Checks passed with warnings.'),
            default => $this->components->info('Checks passed.'),
        };
    }

    /**
     * Determine if a finding has the given result.
     *
     * @param  list<Finding>  $findings
     */
    protected function has(array $findings, CheckResult $result): bool
    {
        return array_any($findings, fn (Finding $finding) => $finding->level === $result);
    }
}
