@use('Webpatser\ResonateWebhooks\Support\DashboardUrl')
@use('Webpatser\ResonateWebhooks\Support\Format')
@php
    $running = count(array_filter($status['nodes'], fn ($node) => $node['state'] === 'running'));
    $silent = count(array_filter($status['nodes'], fn ($node) => $node['state'] === 'silent'));
    $states = array_count_values(array_column($endpoints, 'state'));
    $troubled = ($states['failing'] ?? 0) + ($states['disabled'] ?? 0);
    $dropped = $status['counters']['events_dropped'] ?? 0;
@endphp
<section aria-labelledby="summary-title">
    <h2 id="summary-title" class="sr-only">Summary</h2>
    <p class="sr-only" data-spoken>{{ Format::count($running, 'server') }} running{{ $silent > 0 ? ", {$silent} silent" : '' }}. {{ Format::count($troubled, 'endpoint') }} failing or disabled, {{ $states['paused'] ?? 0 }} paused. {{ Format::count($status['dead_letters'], 'dead letter') }}.</p>
    <dl class="tiles">
        <x-resonate-webhooks::tile name="Servers" :tone="$running === 0 || $silent > 0 ? 'bad' : ''">{{ $running }}@if ($silent > 0) <small>{{ $silent }} silent</small>@endif</x-resonate-webhooks::tile>
        <x-resonate-webhooks::tile name="Endpoints" :tone="$troubled > 0 ? 'bad' : ''">{{ count($endpoints) }}@if ($troubled > 0) <small>{{ $troubled }} in trouble</small>@endif</x-resonate-webhooks::tile>
        <x-resonate-webhooks::tile name="Events waiting in Redis">{{ Format::number($status['outbox']['events']) }}</x-resonate-webhooks::tile>
        <x-resonate-webhooks::tile name="Dead letters" :tone="$status['dead_letters'] > 0 ? 'warn' : ''"><a href="{{ DashboardUrl::to('dead-letters') }}" id="to-dead-letters">{{ Format::number($status['dead_letters']) }}</a></x-resonate-webhooks::tile>
        <x-resonate-webhooks::tile name="Events delivered">{{ Format::number($status['counters']['events_delivered'] ?? 0) }}</x-resonate-webhooks::tile>
        <x-resonate-webhooks::tile name="Events given up" :tone="$dropped > 0 ? 'warn' : ''">{{ Format::number($dropped) }}</x-resonate-webhooks::tile>
        <x-resonate-webhooks::tile name="Occupied channels">{{ Format::number(array_sum($status['channels'])) }}</x-resonate-webhooks::tile>
    </dl>

    @if ($running === 0)
        <x-resonate-webhooks::notice title="No server runs with this config" tone="warn">
            <p>None has written anything down lately. If one should, see that it has the same <code>key_prefix</code> and the same Redis as this application.</p>
        </x-resonate-webhooks::notice>
    @endif
</section>
