@use('Webpatser\ResonateWebhooks\Console\StatusCheck')
@use('Webpatser\ResonateWebhooks\Support\Format')
@use('Webpatser\ResonateWebhooks\Support\NodeState')
<section class="card" aria-labelledby="nodes-title">
    <h2 id="nodes-title">Servers</h2>

    @if ($status['nodes'] === [])
        <p class="empty">No servers found.</p>
    @else
        <table class="stacked">
            <thead>
                <tr>
                    <th scope="col">Server</th>
                    <th scope="col">State</th>
                    <th scope="col">Version</th>
                    <th scope="col">Started</th>
                    <th scope="col">Last report</th>
                    <th scope="col">Lease expires</th>
                    <th scope="col">Clock</th>
                </tr>
            </thead>
            <tbody>
                @foreach ($status['nodes'] as $node)
                    @php $state = NodeState::from($node['state']); @endphp
                    <tr>
                        <th scope="row">
                            <x-resonate-webhooks::sanitized :text="$node['host']" class="strong" />
                            <small class="muted">process {{ $node['pid'] }}, <x-resonate-webhooks::sanitized :text="$node['node']" /></small>
                        </th>
                        <td data-label="State"><x-resonate-webhooks::badge :tone="$state->tone()">{{ $state->value }}</x-resonate-webhooks::badge></td>
                        <td data-label="Version"><x-resonate-webhooks::sanitized :text="$node['version']" /></td>
                        <td data-label="Started"><x-resonate-webhooks::time :ms="$node['started_ms']" :now="$now" /></td>
                        <td data-label="Last report"><x-resonate-webhooks::time :ms="$node['written_ms']" :now="$now" /></td>
                        <td data-label="Lease expires"><x-resonate-webhooks::time :ms="$node['lease_ms']" :now="$now" never="no lease" /></td>
                        <td data-label="Clock" @class(['error' => abs($node['clock_skew_ms']) > StatusCheck::SKEW_WARNING])>{{ Format::clockSkew($node['clock_skew_ms']) }}</td>
                    </tr>
                @endforeach
            </tbody>
        </table>
    @endif
</section>
