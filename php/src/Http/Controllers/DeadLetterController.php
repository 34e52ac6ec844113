<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Http\Controllers;

use Illuminate\Contracts\View\View;
use Illuminate\Http\RedirectResponse;
use Webpatser\ResonateWebhooks\Events\Operation;
use Webpatser\ResonateWebhooks\Support\DashboardUrl;
use Webpatser\ResonateWebhooks\Support\DeadLetterSearch;
use Webpatser\ResonateWebhooks\Support\Format;

/**
 * Shows, retries and forgets dead letters.
 */
class DeadLetterController extends DashboardController
{
    /**
     * The number of dead letters that one request may select.
     */
    protected const int MAX_SELECTED = 100;

    /**
     * List the dead letters, newest first.
     */
    public function index(): View
    {
        $deadLetters = $this->deadLetters();
        $search = trim($this->field('search'));

        return view('resonate-webhooks::dashboard.dead-letters.index', [
            'page' => (new DeadLetterSearch($deadLetters))->page($search, $this->field('before') ?: null),
            'search' => $search,
            'before' => $this->field('before'),
            'total' => $deadLetters->count(),
            'missing' => $deadLetters->missing(),
            'now' => $this->now(),
        ]);
    }

    /**
     * Show a dead letter and its body.
     */
    public function show(string $id): View
    {
        return view('resonate-webhooks::dashboard.dead-letters.show', [
            'deadLetter' => $this->deadLetters()->find($id) ?? abort(404),
            'now' => $this->now(),
        ]);
    }

    /**
     * Ask for confirmation.
     */
    public function confirm(): View|RedirectResponse
    {
        $all = $this->field('all') !== '';
        $selected = $all ? [] : $this->selectedDeadLetters();
        $count = $all ? $this->deadLetters()->count() : count($selected);

        if ($count === 0) {
            return $this->redirectWithMessage('dead-letters', $all ? 'There are no dead letters.' : 'No dead letters selected, or they no longer exist.');
        }

        $forget = $this->operation() === Operation::Forget;
        $which = ($all ? 'all ' : '').Format::count($count, 'dead letter');

        return view('resonate-webhooks::dashboard.confirm', [
            'title' => $forget ? "Forget {$which}?" : "Retry {$which}?",
            'subjects' => array_map(fn (array $deadLetter) => [
                'label' => $deadLetter['id'],
                'url' => ($deadLetter['url'] ?: $deadLetter['endpoint'] ?: 'no endpoint').', '.Format::count($deadLetter['events'], 'event').", {$deadLetter['reason']}",
            ], $selected),
            'explanation' => $forget
                ? 'Forgotten dead letters are deleted. They cannot be retried afterwards.'
                : 'Each dead letter is sent once, with its old webhook-id and a new signature. New events go first. A dead letter is kept until it is delivered. After a failed attempt, the rest of the retry for that endpoint is skipped.',
            'action' => DashboardUrl::to('dead-letters.'.($forget ? 'forget' : 'retry')),
            'fields' => $all ? ['all' => '1', 'asked' => (string) time()] : ['ids' => array_column($selected, 'id')],
            'button' => $forget ? 'Forget' : 'Retry',
            'dangerous' => $forget,
            'back' => DashboardUrl::to('dead-letters'),
        ]);
    }

    /**
     * Send dead letters again.
     */
    public function retry(): RedirectResponse
    {
        $deadLetters = $this->deadLetters();
        $queued = $this->field('all') !== '' ? $deadLetters->retryAll() : $deadLetters->retry($this->selectedIds());

        return $this->redirectWithMessage('dead-letters', $queued === 0
            ? 'No dead letters found.'
            : Format::count($queued, 'dead letter').' queued. Each is kept until it is delivered.');
    }

    /**
     * Delete dead letters. "All" are those that existed when the confirmation was shown.
     */
    public function forget(): RedirectResponse
    {
        $deadLetters = $this->deadLetters();
        $deleted = $this->field('all') !== ''
            ? $deadLetters->flush(max(0, time() - (int) $this->field('asked')))
            : $deadLetters->forget($this->selectedIds());

        return $this->redirectWithMessage('dead-letters', Format::count($deleted, 'dead letter').' deleted.');
    }

    /**
     * Get the selected dead letters that exist, without their bodies, which may be long.
     *
     * @return list<array<string, mixed>>
     */
    protected function selectedDeadLetters(): array
    {
        return array_values(array_filter(array_map(
            fn (string $id) => array_diff_key($this->deadLetters()->find($id) ?? [], ['body' => '']),
            $this->selectedIds(),
        )));
    }

    /**
     * Get the IDs of the selected dead letters.
     *
     * @return list<string>
     */
    protected function selectedIds(): array
    {
        $ids = array_filter((array) request()->input('ids', []), fn (mixed $id) => is_string($id) && preg_match('/^'.DeadLetterSearch::ID.'$/D', $id) === 1);

        return array_slice(array_values(array_unique($ids)), 0, static::MAX_SELECTED);
    }

    /**
     * Get the time of this machine's clock, in Unix ms.
     */
    protected function now(): int
    {
        return (int) floor(microtime(true) * 1000);
    }
}
