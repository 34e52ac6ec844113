@extends('resonate-webhooks::dashboard.layout')

@use('Webpatser\ResonateWebhooks\Support\SanitizedText')
@use('Webpatser\ResonateWebhooks\Support\DashboardUrl')
@use('Webpatser\ResonateWebhooks\Support\Format')

@section('title', "Dead letter {$letter['letter']}")

@section('content')
    <div class="heading">
        <h1>Dead letter <span class="muted">{{ $letter['letter'] }}</span></h1>
        <p class="actions">
            <a class="button" href="{{ DashboardUrl::to('dead-letters.confirm', ['action' => 'retry', 'letters' => [$letter['letter']]]) }}">Retry</a>
            <a class="button button-plain" href="{{ DashboardUrl::to('dead-letters.confirm', ['action' => 'forget', 'letters' => [$letter['letter']]]) }}">Forget</a>
        </p>
    </div>

    <section class="card" aria-label="What became of it">
        <dl class="facts">
            <div><dt>Reason</dt><dd><x-resonate-webhooks::sanitized :text="$letter['reason']" class="error" /></dd></div>
            <div><dt>Endpoint</dt><dd><x-resonate-webhooks::sanitized :text="$letter['url'] ?: ($letter['endpoint'] === '' ? 'none, the event could not be read' : 'not configured any more')" /> <small class="muted"><x-resonate-webhooks::sanitized :text="$letter['endpoint']" /></small></dd></div>
            <div><dt>Application</dt><dd><x-resonate-webhooks::sanitized :text="$letter['app_id']" /></dd></div>
            <div><dt>Attempts</dt><dd>{{ Format::number($letter['attempts']) }}</dd></div>
            <div><dt>Events</dt><dd>{{ Format::number($letter['events']) }}</dd></div>
            <div><dt>First event</dt><dd><x-resonate-webhooks::time :ms="$letter['time_ms']" :now="$now" /></dd></div>
            <div><dt>Given up</dt><dd><x-resonate-webhooks::time :ms="$letter['dropped_ms']" :now="$now" /></dd></div>
            <div><dt>webhook-id</dt><dd><x-resonate-webhooks::sanitized :text="$letter['id']" /></dd></div>
        </dl>
    </section>

    @php $body = SanitizedText::json($letter['body']); @endphp
    <section class="card" aria-labelledby="body-title">
        <h2 id="body-title">Body <span class="muted">{{ Format::bytes(strlen($letter['body'])) }}</span></h2>
        <pre tabindex="0" aria-labelledby="body-title">{{ $body }}</pre>
        @if (strlen($body) >= SanitizedText::LONGEST)
            <p class="empty">It goes on; <code>php artisan resonate-webhooks:show {{ $letter['letter'] }}</code> shows all of it.</p>
        @endif
    </section>
@endsection
