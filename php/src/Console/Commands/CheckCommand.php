<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Symfony\Component\Console\Attribute\AsCommand;
use Webpatser\ResonateWebhooks\Console\SetupCheck;
use Webpatser\ResonateWebhooks\Settings;

/**
 * Looks for what is set up wrongly, and says how to fix it.
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
                            {--strict : Exit with 2 when no server is running}
                            {--json : Output the findings as JSON}';

    /**
     * The console command description.
     *
     * @var string
     */
    protected $description = 'Check the config, the extension, Redis, the roster and the clocks';

    /**
     * Do what the command is for.
     */
    protected function perform(): int
    {
        $check = new SetupCheck($this->cluster(), Settings::forExtension());
        $findings = $check->findings();
        $failed = in_array('error', array_column($findings, 'level'), true);
        $code = match (true) {
            $failed => self::FAILURE,
            $this->option('strict') && ! $check->runs() => self::NOTHING_RUNS,
            default => self::SUCCESS,
        };

        if ($this->option('json')) {
            $this->json($findings);

            return $code;
        }

        $this->newLine();

        foreach ($findings as $finding) {
            $this->components->twoColumnDetail($finding['subject'], match ($finding['level']) {
                'ok' => '<fg=green;options=bold>OK</>',
                'warning' => '<fg=yellow;options=bold>WARNING</>',
                default => '<fg=red;options=bold>ERROR</>',
            });

            if ($finding['level'] !== 'ok') {
                $this->components->bulletList(array_filter([$this->text($finding['message']), $this->text($finding['fix'])]));
            }
        }

        $this->newLine();
        match (true) {
            $failed => $this->components->error('Checks failed.'),
            in_array('warning', array_column($findings, 'level'), true) => $this->components->info('Checks passed with warnings.'),
            default => $this->components->info('Checks passed.'),
        };

        return $code;
    }
}
