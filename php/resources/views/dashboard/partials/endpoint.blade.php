@use('Illuminate\Support\Str')
@use('Webpatser\ResonateWebhooks\Events\Operation')
@use('Webpatser\ResonateWebhooks\Support\DashboardUrl')
@use('Webpatser\ResonateWebhooks\Support\EndpointState')
@use('Webpatser\ResonateWebhooks\Support\Format')
@use('Webpatser\ResonateWebhooks\Support\HistoryCharts')
@php
    $state = EndpointState::of($endpoint['state']);
    $action = ($endpoint['is_paused'] || $endpoint['is_disabled'] ? Operation::Resume : Operation::Pause)->value;
    $hash = hash('xxh64', $endpoint['id']);
    $failures = max(0, $endpoint['attempts'] - $endpoint['deliveries']);
@endphp
<tr>
    <th scope="row">
        <x-resonate-webhooks::sanitized :text="$endpoint['label']" class="strong" />
        <small class="muted">{{ $endpoint['app_id'] === '*' ? 'all applications' : 'application' }} @if ($endpoint['app_id'] !== '*')<x-resonate-webhooks::sanitized :text="$endpoint['app_id']" />@endif</small>
    </th>
    <td data-label="State">
        <x-resonate-webhooks::badge :tone="$state->tone()">{{ $state->label() }}</x-resonate-webhooks::badge>
        @if ($endpoint['since_ms'] !== null)<small>for <x-resonate-webhooks::time :ms="$endpoint['since_ms']" :now="$now" elapsed /></small>@endif
        @if (count($endpoint['nodes']) > 1)<small class="muted">{{ implode(', ', array_map(fn ($state, $servers) => Format::count($servers, 'server')." {$state}", array_keys($endpoint['nodes']), $endpoint['nodes'])) }}</small>@endif
    </td>
    <td data-label="Last attempt">
        <x-resonate-webhooks::time :ms="$endpoint['last_attempt_ms']" :now="$now" never="none" />
        @if ($endpoint['last_error'] !== null)
            <small class="error"><x-resonate-webhooks::sanitized :text="$endpoint['last_error']" />@if ($endpoint['consecutive_failures'] > 1), {{ Format::count($endpoint['consecutive_failures'], 'consecutive failure') }} @endif</small>
            @if (($endpoint['last_answer'] ?? '') !== '')<small class="muted">answer: <x-resonate-webhooks::sanitized :text="Str::limit($endpoint['last_answer'], 160)" /></small>@endif
            <small class="muted">last success: <x-resonate-webhooks::time :ms="$endpoint['last_success_ms']" :now="$now" /></small>
        @elseif ($endpoint['last_status'] !== null)
            <small class="muted">HTTP {{ $endpoint['last_status'] }}</small>
        @endif
    </td>
    <td data-label="Since the servers started">
        {{ Format::count($endpoint['events_delivered'], 'event') }} delivered
        <small class="muted">in {{ Format::count($endpoint['deliveries'], 'request') }}; {{ Format::number($failures) }} failed</small>
        @if ($endpoint['events_dropped'] > 0)<small class="error">{{ Format::count($endpoint['events_dropped'], 'event') }} dead-lettered</small>@endif
        @if ($endpoint['depth'] > 0)<small>{{ Format::number($endpoint['depth']) }} waiting</small>@endif
    </td>
    <td data-label="Latency">
        @if ($endpoint['p50_ms'] === null)
            <span class="muted">none</span>
        @else
            p50 {{ Format::duration($endpoint['p50_ms']) }} <small class="muted">p95 {{ Format::duration($endpoint['p95_ms']) }}, p99 {{ Format::duration($endpoint['p99_ms']) }}</small>
        @endif
    </td>
    <td data-label="Last hour">
        <x-resonate-webhooks::chart :chart="HistoryCharts::ofEndpoint($history, $endpoint['id'])->requests()" :id="'spark-'.$hash" bare />
        <a id="history-{{ $hash }}" href="{{ DashboardUrl::to('endpoints.show', ['endpoint' => $endpoint['id']]) }}">History<span class="sr-only"> of {{ $endpoint['label'] }}</span></a>
    </td>
    <td class="actions">
        <a class="button button-plain" id="{{ $action }}-{{ $hash }}" href="{{ DashboardUrl::to('endpoints.confirm', ['action' => $action, 'endpoint' => $endpoint['id']]) }}">{{ ucfirst($action) }}<span class="sr-only"> {{ $endpoint['label'] }}</span></a>
    </td>
</tr>
