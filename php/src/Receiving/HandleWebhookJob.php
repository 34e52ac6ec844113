<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving;

use Illuminate\Contracts\Queue\Job;

/**
 * Handles a webhook that a server has pushed onto a queue. The queue vouches for it, so it has no signature.
 */
class HandleWebhookJob
{
    /**
     * Create a new job instance.
     */
    public function __construct(protected Deduplicator $deduplicator, protected WebhookDispatcher $dispatcher)
    {
        //
    }

    /**
     * Handle the job. If a listener throws, the worker retries it by its own rules, and the webhook is handled again.
     *
     * @param  array{webhook_id: string, app_key: string, body: string}  $data
     */
    public function handle(Job $job, array $data): void
    {
        $webhook = new Webhook($data['app_key'], $data['body'], $data['webhook_id']);

        if ($this->deduplicator->once($webhook, fn () => $this->dispatcher->dispatch($webhook)) === Duplicate::InProgress) {
            $job->release($this->deduplicator->lockFor);

            return;
        }

        $job->delete();
    }
}
