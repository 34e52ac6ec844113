<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Symfony\Component\Console\Attribute\AsCommand;
use Webpatser\ResonateWebhooks\Console\SetupCheck;
use Webpatser\ResonateWebhooks\Settings;

/**
 * Looks for what is set up wrongly, and says how to mend it.
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
        $findings = (new SetupCheck(Settings::forExtension()))->findings();
        $failed = in_array('error', array_column($findings, 'level'), true);

        if ($this->option('json')) {
            $this->json($findings);

            return $failed ? self::FAILURE : self::SUCCESS;
        }

        $this->newLine();

        foreach ($findings as $finding) {
            $this->components->twoColumnDetail($finding['subject'], match ($finding['level']) {
                'ok' => '<fg=green;options=bold>OK</>',
                'warning' => '<fg=yellow;options=bold>WARNING</>',
                default => '<fg=red;options=bold>ERROR</>',
            });

            if ($finding['level'] !== 'ok') {
                $this->components->bulletList(array_filter([$this->text($finding['message']), $this->text($finding['mend'])]));
            }
        }

        $this->newLine();
        match (true) {
            $failed => $this->components->error('Something has to be mended.'),
            in_array('warning', array_column($findings, 'level'), true) => $this->components->info('Nothing has to be mended at once.'),
            default => $this->components->info('Nothing has to be mended.'),
        };

        return $failed ? self::FAILURE : self::SUCCESS;
    }
}
