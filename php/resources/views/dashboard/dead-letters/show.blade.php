@extends('resonate-webhooks::dashboard.layout')

@use('Webpatser\ResonateWebhooks\Support\DashboardUrl')
@use('Webpatser\ResonateWebhooks\Support\Format')
@use('Webpatser\ResonateWebhooks\Support\SanitizedText')

@section('title', "Dead letter {$deadLetter['id']}")

@section('content')
    <div class="heading">
        <h1>Dead letter <span class="muted">{{ $deadLetter['id'] }}</span></h1>
        <p class="actions">
            <a class="button" href="{{ DashboardUrl::to('dead-letters.confirm', ['action' => 'retry', 'ids' => [$deadLetter['id']]]) }}">Retry</a>
            <a class="button button-plain" href="{{ DashboardUrl::to('dead-letters.confirm', ['action' => 'forget', 'ids' => [$deadLetter['id']]]) }}">Forget</a>
        </p>
    </div>

    <section class="card" aria-label="Details">
        <dl class="facts">
            <div><dt>Reason</dt><dd><x-resonate-webhooks::sanitized :text="$deadLetter['reason']" class="error" /></dd></div>
            @if ($deadLetter['answer'] !== null)
                <div><dt>Answer</dt><dd>
                    @if ($deadLetter['answer']['status'] !== null)HTTP {{ $deadLetter['answer']['status'] }}, @endif<x-resonate-webhooks::time :ms="$deadLetter['answer']['time_ms']" :now="$now" />
                    <small class="muted"><x-resonate-webhooks::sanitized :text="$deadLetter['answer']['text'] === '' ? 'no body' : $deadLetter['answer']['text']" /></small>
                </dd></div>
            @endif
            <div><dt>Endpoint</dt><dd><x-resonate-webhooks::sanitized :text="$deadLetter['url'] ?: ($deadLetter['endpoint'] === '' ? 'none: the event could not be read' : 'no longer configured')" /> <small class="muted"><x-resonate-webhooks::sanitized :text="$deadLetter['endpoint']" /></small></dd></div>
            <div><dt>Application</dt><dd><x-resonate-webhooks::sanitized :text="$deadLetter['app_id']" /></dd></div>
            <div><dt>Attempts</dt><dd>{{ Format::number($deadLetter['attempts']) }}</dd></div>
            <div><dt>Events</dt><dd>{{ Format::number($deadLetter['events']) }}</dd></div>
            <div><dt>First event</dt><dd><x-resonate-webhooks::time :ms="$deadLetter['time_ms']" :now="$now" /></dd></div>
            <div><dt>Dead-lettered</dt><dd><x-resonate-webhooks::time :ms="$deadLetter['dropped_ms']" :now="$now" /></dd></div>
            <div><dt>webhook-id</dt><dd><x-resonate-webhooks::sanitized :text="$deadLetter['webhook_id']" /></dd></div>
        </dl>
    </section>

    @php $body = SanitizedText::json($deadLetter['body']); @endphp
    <section class="card" aria-labelledby="body-title">
        <h2 id="body-title">Body <span class="muted">{{ Format::bytes(strlen($deadLetter['body'])) }}</span></h2>
        <pre tabindex="0" aria-labelledby="body-title">{{ $body }}</pre>
        @if (strlen($body) >= SanitizedText::MAX_BYTES)
            <p class="empty">The body is longer. Use <code>php artisan resonate-webhooks:show {{ $deadLetter['id'] }}</code> to see all of it.</p>
        @endif
    </section>
@endsection
