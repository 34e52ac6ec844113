@use('Webpatser\ResonateWebhooks\Support\Format')
@php
    $redis = $status['redis'];
    $persistence = array_keys(array_filter(['AOF' => $redis['aof'] ?? null, 'RDB' => $redis['rdb'] ?? null]));
@endphp
<section class="card" aria-labelledby="redis-title">
    <h2 id="redis-title">Redis</h2>

    @if (($redis['version'] ?? null) === null)
        <p class="empty">Redis is reachable, but INFO is not allowed.</p>
    @else
        <dl class="facts">
            <div><dt>Version</dt><dd>{{ $redis['version'] }}</dd></div>
            <div><dt>Role</dt><dd>{{ $redis['role'] ?? 'unknown' }}, {{ $redis['mode'] ?? 'unknown' }}@if (($redis['replicas'] ?? 0) > 0), {{ Format::count($redis['replicas'], 'replica') }} @endif</dd></div>
            @if (($redis['cluster'] ?? null) !== null || count($status['shards'] ?? []) > 1)<div><dt>{{ ($redis['cluster'] ?? null) === null ? 'Shards' : 'Cluster' }}</dt><dd>{{ ucfirst(Format::shards($status)) }}</dd></div>@endif
            @foreach (array_filter($status['shards'] ?? [], fn (array $shard) => $shard['error'] !== null) as $shard)<div><dt>Shard {{ $shard['shard'] }}</dt><dd class="error">Missing in these numbers: <x-resonate-webhooks::sanitized :text="$shard['error']" /></dd></div>@endforeach
            @if (($redis['uptime_s'] ?? null) !== null)<div><dt>Uptime</dt><dd>{{ Format::duration($redis['uptime_s'] * 1000) }}</dd></div>@endif
            @if (($redis['used_memory'] ?? null) !== null)<div><dt>Memory</dt><dd>{{ Format::bytes($redis['used_memory']) }}{{ ($redis['maxmemory'] ?? 0) > 0 ? ' of '.Format::bytes($redis['maxmemory']) : '' }}</dd></div>@endif
            <div><dt>Persistence</dt><dd>{{ $persistence === [] ? 'none' : implode(' and ', $persistence) }}</dd></div>
            @if (($redis['evicted_keys'] ?? 0) > 0)<div><dt>Evicted keys</dt><dd class="error">{{ Format::number($redis['evicted_keys']) }}</dd></div>@endif
            <div><dt>Clock of this machine</dt><dd>{{ Format::clockSkew($status['clock_skew_ms']) }}</dd></div>
        </dl>
    @endif
</section>
