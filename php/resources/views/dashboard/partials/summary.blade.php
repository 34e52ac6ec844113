@use('Webpatser\ResonateWebhooks\Support\DashboardUrl')
@use('Webpatser\ResonateWebhooks\Support\EndpointState')
@use('Webpatser\ResonateWebhooks\Support\Format')
@use('Webpatser\ResonateWebhooks\Support\NodeState')
@php
    $running = count(NodeState::Running->of($status));
    $silent = count(NodeState::Silent->of($status));
    $states = array_map(fn ($endpoint) => EndpointState::of($endpoint['state']), $endpoints);
    $troubled = count(array_filter($states, fn ($state) => $state->needsAttention()));
    $paused = count(array_filter($states, fn ($state) => $state === EndpointState::Paused));
    $deadLettered = $status['counters']['events_dropped'] ?? 0;
@endphp
<section aria-labelledby="summary-title">
    <h2 id="summary-title" class="sr-only">Summary</h2>
    <p class="sr-only" data-spoken>{{ Format::count($running, 'server') }} running{{ $silent > 0 ? ", {$silent} silent" : '' }}. {{ Format::count($troubled, 'endpoint') }} failing or disabled, {{ $paused }} paused. {{ Format::count($status['dead_letters'], 'dead letter') }}.</p>
    <dl class="tiles">
        <x-resonate-webhooks::tile name="Running servers" :tone="$running === 0 || $silent > 0 ? 'bad' : ''">{{ Format::number($running) }}@if ($silent > 0) <small>{{ Format::number($silent) }} silent</small>@endif</x-resonate-webhooks::tile>
        <x-resonate-webhooks::tile name="Endpoints" :tone="$troubled > 0 ? 'bad' : ''">{{ Format::number(count($endpoints)) }}@if ($troubled > 0) <small>{{ Format::number($troubled) }} failing or disabled</small>@endif</x-resonate-webhooks::tile>
        <x-resonate-webhooks::tile name="Events in the outbox">{{ Format::number($status['outbox']['events']) }}</x-resonate-webhooks::tile>
        <x-resonate-webhooks::tile name="Dead letters" :tone="$status['dead_letters'] > 0 ? 'warn' : ''"><a href="{{ DashboardUrl::to('dead-letters') }}" id="to-dead-letters">{{ Format::number($status['dead_letters']) }}</a></x-resonate-webhooks::tile>
        <x-resonate-webhooks::tile name="Events delivered">{{ Format::number($status['counters']['events_delivered'] ?? 0) }}</x-resonate-webhooks::tile>
        <x-resonate-webhooks::tile name="Events dead-lettered" :tone="$deadLettered > 0 ? 'warn' : ''">{{ Format::number($deadLettered) }}</x-resonate-webhooks::tile>
        <x-resonate-webhooks::tile name="Occupied channels">{{ Format::number(array_sum($status['channels'])) }}</x-resonate-webhooks::tile>
    </dl>

    @if ($running === 0)
        <x-resonate-webhooks::notice title="No running servers found" tone="warn">
            <p>No server with this config has reported recently. Check that your servers have the same <code>key_prefix</code> and the same Redis as this application.</p>
        </x-resonate-webhooks::notice>
    @endif
</section>
