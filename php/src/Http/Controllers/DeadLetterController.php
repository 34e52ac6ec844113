<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Http\Controllers;

use Illuminate\Contracts\View\View;
use Illuminate\Http\RedirectResponse;
use Webpatser\ResonateWebhooks\Support\DashboardUrl;
use Webpatser\ResonateWebhooks\Support\DeadLetterSearch;
use Webpatser\ResonateWebhooks\Support\Format;

/**
 * Shows the webhooks that were given up, and has them sent again or forgotten.
 */
class DeadLetterController extends DashboardController
{
    /**
     * How many letters one request may name.
     */
    protected const int AT_ONCE = 100;

    /**
     * A page of them, newest first.
     */
    public function index(): View
    {
        $letters = $this->deadLetters();
        $search = trim($this->field('search'));

        return view('resonate-webhooks::dashboard.dead-letters.index', [
            'page' => (new DeadLetterSearch($letters))->page($search, $this->field('before') ?: null),
            'search' => $search,
            'before' => $this->field('before'),
            'total' => $letters->count(),
            'now' => Format::now(),
        ]);
    }

    /**
     * One of them, with what it says.
     */
    public function show(string $letter): View
    {
        return view('resonate-webhooks::dashboard.dead-letters.show', [
            'letter' => $this->deadLetters()->find($letter) ?? abort(404),
            'now' => Format::now(),
        ]);
    }

    /**
     * Ask before any are sent again or forgotten.
     */
    public function confirm(): View|RedirectResponse
    {
        $letters = $this->deadLetters();
        $all = $this->field('all') !== '';
        // Without their bodies, which may be long.
        $chosen = $all ? [] : array_values(array_filter(array_map(
            fn (string $letter) => array_diff_key($letters->find($letter) ?? [], ['body' => '']),
            $this->chosen(),
        )));
        $count = $all ? $letters->count() : count($chosen);

        if ($count === 0) {
            return $this->done('dead-letters', $all ? 'There are no dead letters.' : 'Nothing was chosen that is still there.');
        }

        $forget = $this->field('action') === 'forget';
        $which = ($all ? 'all ' : '').Format::count($count, 'dead letter');

        return view('resonate-webhooks::dashboard.confirm', [
            'title' => $forget ? "Forget {$which}?" : "Send {$which} again?",
            'about' => array_map(fn (array $letter) => [
                'label' => $letter['letter'],
                'url' => ($letter['url'] ?: $letter['endpoint'] ?: 'no endpoint').', '.Format::count($letter['events'], 'event').", {$letter['reason']}",
            ], $chosen),
            'explanation' => $forget
                ? 'They are deleted, and can neither be read nor sent again.'
                : 'They go out under their old ids, signed anew, with one attempt each; new events go first. Each stays a dead letter until it has been delivered. After one that fails, its endpoint gets no more of them.',
            'action' => DashboardUrl::to('dead-letters.'.($forget ? 'forget' : 'retry')),
            'fields' => $all ? ['all' => '1', 'asked' => (string) time()] : ['letters' => array_column($chosen, 'letter')],
            'button' => $forget ? 'Forget' : 'Retry',
            'dangerous' => $forget,
            'back' => DashboardUrl::to('dead-letters'),
        ]);
    }

    /**
     * Have letters sent again.
     */
    public function retry(): RedirectResponse
    {
        $letters = $this->deadLetters();
        $found = $this->field('all') !== '' ? $letters->retryAll() : $letters->retry($this->chosen());

        return $this->done('dead-letters', $found === 0
            ? 'None of them was there any more.'
            : Format::count($found, 'dead letter').' will be sent again; each is kept until it has been delivered.');
    }

    /**
     * Delete letters. All are those that were there when it was asked: what came since, nobody has agreed to lose.
     */
    public function forget(): RedirectResponse
    {
        $letters = $this->deadLetters();
        $found = $this->field('all') !== ''
            ? $letters->flush(max(0, time() - (int) $this->field('asked')))
            : $letters->forget($this->chosen());

        return $this->done('dead-letters', Format::count($found, 'dead letter').' deleted.');
    }

    /**
     * The letters that the request names.
     *
     * @return list<string>
     */
    protected function chosen(): array
    {
        $letters = array_filter((array) request()->input('letters', []), fn (mixed $letter) => is_string($letter) && preg_match('/^\d+-\d+$/D', $letter) === 1);

        return array_slice(array_values(array_unique($letters)), 0, static::AT_ONCE);
    }
}
