@use('Webpatser\ResonateWebhooks\Support\Format')
<section class="card" aria-labelledby="channels-title">
    <h2 id="channels-title">Occupied channels</h2>

    @if ($status['channels'] === [])
        <p class="empty">No server has reported an application yet.</p>
    @else
        <table>
            <thead>
                <tr>
                    <th scope="col">Application</th>
                    <th scope="col" class="number">Channels</th>
                </tr>
            </thead>
            <tbody>
                @foreach ($status['channels'] as $app => $channels)
                    <tr>
                        <th scope="row"><x-resonate-webhooks::sanitized :text="$app" /></th>
                        <td class="number">{{ Format::number($channels) }}</td>
                    </tr>
                @endforeach
            </tbody>
        </table>
    @endif
</section>
