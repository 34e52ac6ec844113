@use('Webpatser\ResonateWebhooks\Support\Format')
<section class="card" aria-labelledby="endpoints-title">
    <h2 id="endpoints-title">Endpoints</h2>

    @if ($endpoints === [])
        <p class="empty">There are none in the config, and no server knows of any.</p>
    @else
        <table class="stacked">
            <thead>
                <tr>
                    <th scope="col">Endpoint</th>
                    <th scope="col">State</th>
                    <th scope="col">Last attempt</th>
                    <th scope="col">Since the servers began</th>
                    <th scope="col">Answers within</th>
                    <th scope="col" class="scripted">Since this page was opened</th>
                    <th scope="col"><span class="sr-only">Actions</span></th>
                </tr>
            </thead>
            <tbody>
                @foreach ($endpoints as $endpoint)
                    @include('resonate-webhooks::dashboard.partials.endpoint')
                @endforeach
            </tbody>
        </table>

        @if ($status['endpoints_omitted'] > 0)
            <p class="empty">And {{ Format::number($status['endpoints_omitted']) }} more, which the servers leave out.</p>
        @endif
    @endif
</section>
