@use('Webpatser\ResonateWebhooks\Support\Format')
<section class="card" aria-labelledby="nodes-title">
    <h2 id="nodes-title">Servers</h2>

    @if ($status['nodes'] === [])
        <p class="empty">No server has written anything down lately.</p>
    @else
        <table class="stacked">
            <thead>
                <tr>
                    <th scope="col">Server</th>
                    <th scope="col">State</th>
                    <th scope="col">Version</th>
                    <th scope="col">Started</th>
                    <th scope="col">Last heard</th>
                    <th scope="col">Lease lapses</th>
                    <th scope="col">Clock</th>
                    <th scope="col">Outbox</th>
                </tr>
            </thead>
            <tbody>
                @foreach ($status['nodes'] as $node)
                    <tr>
                        <th scope="row">
                            <x-resonate-webhooks::sanitized :text="$node['host']" class="strong" />
                            <small class="muted">process {{ $node['pid'] }}, <x-resonate-webhooks::sanitized :text="$node['node']" /></small>
                        </th>
                        <td data-label="State"><x-resonate-webhooks::badge :state="$node['state']" /></td>
                        <td data-label="Version"><x-resonate-webhooks::sanitized :text="$node['version']" /></td>
                        <td data-label="Started"><x-resonate-webhooks::time :ms="$node['started_ms']" :now="$now" /></td>
                        <td data-label="Last heard"><x-resonate-webhooks::time :ms="$node['written_ms']" :now="$now" /></td>
                        <td data-label="Lease lapses"><x-resonate-webhooks::time :ms="$node['lease_ms']" :now="$now" never="has none" /></td>
                        <td data-label="Clock" @class(['error' => abs($node['clock_skew_ms']) > 2000])>{{ abs($node['clock_skew_ms']) < 1000 ? 'right' : Format::duration(abs($node['clock_skew_ms'])).($node['clock_skew_ms'] > 0 ? ' ahead' : ' behind') }}</td>
                        <td data-label="Outbox"><x-resonate-webhooks::sanitized :text="$node['outbox']" /></td>
                    </tr>
                @endforeach
            </tbody>
        </table>
    @endif
</section>
