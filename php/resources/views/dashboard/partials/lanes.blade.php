@use('Webpatser\ResonateWebhooks\Support\Format')
@php $labels = array_column($endpoints, 'label', 'id'); @endphp
<section class="card" aria-labelledby="lanes-title">
    <h2 id="lanes-title">Lanes</h2>

    @if ($status['lanes'] === [])
        <p class="empty">No events are waiting.</p>
    @else
        <table class="stacked">
            <thead>
                <tr>
                    <th scope="col">Endpoint</th>
                    <th scope="col">Application</th>
                    <th scope="col">Server</th>
                    <th scope="col" class="number">Events</th>
                    <th scope="col">Oldest event</th>
                    <th scope="col" class="number">Attempt</th>
                    <th scope="col">Next attempt</th>
                </tr>
            </thead>
            <tbody>
                @foreach (array_slice($status['lanes'], 0, 50) as $lane)
                    <tr>
                        <th scope="row"><x-resonate-webhooks::sanitized :text="$labels[$lane['endpoint']] ?? $lane['endpoint']" /></th>
                        <td data-label="Application"><x-resonate-webhooks::sanitized :text="$lane['app_id']" /></td>
                        <td data-label="Server"><x-resonate-webhooks::sanitized :text="$lane['node']" /></td>
                        <td data-label="Events" class="number">{{ Format::number($lane['depth']) }}</td>
                        <td data-label="Oldest event"><x-resonate-webhooks::time :ms="$lane['oldest_ms']" :now="$now" never="–" /></td>
                        <td data-label="Attempt" class="number">{{ $lane['attempt'] > 0 ? $lane['attempt'] : '–' }}</td>
                        <td data-label="Next attempt"><x-resonate-webhooks::time :ms="$lane['next_try_ms']" :now="$now" never="–" /></td>
                    </tr>
                @endforeach
            </tbody>
        </table>

        @if (($more = $status['lanes_truncated'] + max(0, count($status['lanes']) - 50)) > 0)
            <p class="empty">And {{ Format::count($more, 'shorter lane') }}.</p>
        @endif
    @endif
</section>
