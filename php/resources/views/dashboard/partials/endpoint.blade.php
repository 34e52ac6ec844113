@use('Webpatser\ResonateWebhooks\Support\DashboardUrl')
@use('Webpatser\ResonateWebhooks\Support\Format')
@php
    $action = $endpoint['is_paused'] || $endpoint['is_disabled'] ? 'resume' : 'pause';
    $failures = max(0, $endpoint['attempts'] - $endpoint['deliveries']);
@endphp
<tr>
    <th scope="row">
        <x-resonate-webhooks::sanitized :text="$endpoint['label']" class="strong" />
        <small class="muted">{{ $endpoint['app_id'] === '*' ? 'all applications' : 'application' }} @if ($endpoint['app_id'] !== '*')<x-resonate-webhooks::sanitized :text="$endpoint['app_id']" />@endif</small>
    </th>
    <td data-label="State">
        <x-resonate-webhooks::badge :state="$endpoint['state']" />
        @if ($endpoint['since_ms'] !== null)<small>since <x-resonate-webhooks::time :ms="$endpoint['since_ms']" :now="$now" /></small>@endif
        @if (count($endpoint['nodes']) > 1)<small class="muted">{{ implode(', ', array_map(fn ($state, $servers) => Format::count($servers, 'server')." {$state}", array_keys($endpoint['nodes']), $endpoint['nodes'])) }}</small>@endif
    </td>
    <td data-label="Last attempt">
        <x-resonate-webhooks::time :ms="$endpoint['last_attempt_ms']" :now="$now" never="none yet" />
        @if ($endpoint['last_error'] !== null)
            <small class="error"><x-resonate-webhooks::sanitized :text="$endpoint['last_error']" />@if ($endpoint['consecutive_failures'] > 1), {{ Format::number($endpoint['consecutive_failures']) }} in a row @endif</small>
            <small class="muted">last success <x-resonate-webhooks::time :ms="$endpoint['last_success_ms']" :now="$now" /></small>
        @elseif ($endpoint['last_status'] !== null)
            <small class="muted">HTTP {{ $endpoint['last_status'] }}</small>
        @endif
    </td>
    <td data-label="Since the servers began">
        {{ Format::count($endpoint['events_delivered'], 'event') }} delivered
        <small class="muted">in {{ Format::count($endpoint['deliveries'], 'request') }}; {{ Format::number($failures) }} failed</small>
        @if ($endpoint['events_dropped'] > 0)<small class="error">{{ Format::count($endpoint['events_dropped'], 'event') }} given up</small>@endif
        @if ($endpoint['depth'] > 0)<small>{{ Format::number($endpoint['depth']) }} waiting</small>@endif
    </td>
    <td data-label="Answers within">
        @if ($endpoint['p50_ms'] === null)
            <span class="muted">no answer yet</span>
        @else
            {{ Format::duration($endpoint['p50_ms']) }} <small class="muted">for half of them, {{ Format::duration($endpoint['p95_ms']) }} for 95 %, {{ Format::duration($endpoint['p99_ms']) }} for 99 %</small>
        @endif
    </td>
    <td data-label="Since this page was opened" class="scripted">
        <div class="sparks" data-endpoint="{{ $endpoint['id'] }}" data-at="{{ $now }}" data-attempts="{{ $endpoint['attempts'] }}" data-deliveries="{{ $endpoint['deliveries'] }}" data-latency-us="{{ $endpoint['latency']['sum_us'] }}"></div>
    </td>
    <td class="actions">
        <a class="button button-plain" id="{{ $action }}-{{ hash('xxh64', $endpoint['id']) }}" href="{{ DashboardUrl::to('endpoints.confirm', ['action' => $action, 'endpoint' => $endpoint['id']]) }}">{{ ucfirst($action) }}<span class="sr-only"> {{ $endpoint['label'] }}</span></a>
    </td>
</tr>
