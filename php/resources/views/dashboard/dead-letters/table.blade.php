@use('Webpatser\ResonateWebhooks\Support\DashboardUrl')
<form method="get" action="{{ DashboardUrl::to('dead-letters.confirm') }}" class="card">
    <table class="stacked">
        <caption class="sr-only">Webhooks that were given up, newest first</caption>
        <thead>
            <tr>
                <th scope="col"><span class="sr-only">Choose</span><input type="checkbox" class="scripted" data-choose-all aria-label="Choose all on this page"></th>
                <th scope="col">Given up</th>
                <th scope="col">Endpoint</th>
                <th scope="col">Application</th>
                <th scope="col">Reason</th>
                <th scope="col" class="number">Attempts</th>
                <th scope="col" class="number">Events</th>
                <th scope="col" class="number">Size</th>
            </tr>
        </thead>
        <tbody>
            @foreach ($page['letters'] as $letter)
                <tr>
                    <td data-label="Choose"><input type="checkbox" name="letters[]" value="{{ $letter['letter'] }}" aria-label="Choose {{ $letter['letter'] }}"></td>
                    <th scope="row"><a href="{{ DashboardUrl::to('dead-letters.show', $letter['letter']) }}"><x-resonate-webhooks::time :ms="$letter['dropped_ms']" :now="$now" /></a></th>
                    <td data-label="Endpoint"><x-resonate-webhooks::sanitized :text="$letter['url'] ?: $letter['endpoint'] ?: 'no endpoint'" /></td>
                    <td data-label="Application"><x-resonate-webhooks::sanitized :text="$letter['app_id']" /></td>
                    <td data-label="Reason"><x-resonate-webhooks::sanitized :text="$letter['reason']" class="error" /></td>
                    <td data-label="Attempts" class="number">{{ \Webpatser\ResonateWebhooks\Support\Format::number($letter['attempts']) }}</td>
                    <td data-label="Events" class="number">{{ \Webpatser\ResonateWebhooks\Support\Format::number($letter['events']) }}</td>
                    <td data-label="Size" class="number">{{ \Webpatser\ResonateWebhooks\Support\Format::bytes($letter['bytes']) }}</td>
                </tr>
            @endforeach
        </tbody>
    </table>

    <p class="actions">
        <button class="button button-plain" name="action" value="retry">Retry chosen</button>
        <button class="button button-plain" name="action" value="forget">Forget chosen</button>
    </p>
</form>
