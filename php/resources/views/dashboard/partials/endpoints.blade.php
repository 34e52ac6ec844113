@use('Webpatser\ResonateWebhooks\Support\Format')
<section class="card" aria-labelledby="endpoints-title">
    <h2 id="endpoints-title">Endpoints</h2>

    @if ($endpoints === [])
        <p class="empty">No endpoints are configured or reported.</p>
    @else
        <table class="stacked">
            <thead>
                <tr>
                    <th scope="col">Endpoint</th>
                    <th scope="col">State</th>
                    <th scope="col">Last attempt</th>
                    <th scope="col">Since the servers started</th>
                    <th scope="col">Latency</th>
                    <th scope="col">Last hour</th>
                    <th scope="col"><span class="sr-only">Actions</span></th>
                </tr>
            </thead>
            <tbody>
                @foreach ($endpoints as $endpoint)
                    @include('resonate-webhooks::dashboard.partials.endpoint')
                @endforeach
            </tbody>
        </table>

        @if ($status['endpoints_truncated'] > 0)
            <p class="empty">And {{ Format::count($status['endpoints_truncated'], 'more endpoint') }}.</p>
        @endif
    @endif
</section>
