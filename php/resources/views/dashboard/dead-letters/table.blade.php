@use('Webpatser\ResonateWebhooks\Support\DashboardUrl')
@use('Webpatser\ResonateWebhooks\Support\Format')
<form method="get" action="{{ DashboardUrl::to('dead-letters.confirm') }}" class="card">
    <table class="stacked">
        <caption class="sr-only">Dead letters, newest first</caption>
        <thead>
            <tr>
                <th scope="col"><span class="sr-only">Select</span><input type="checkbox" class="scripted" data-select-all aria-label="Select all on this page"></th>
                <th scope="col">Dead-lettered</th>
                <th scope="col">Endpoint</th>
                <th scope="col">Application</th>
                <th scope="col">Reason</th>
                <th scope="col" class="number">Attempts</th>
                <th scope="col" class="number">Events</th>
                <th scope="col" class="number">Size</th>
            </tr>
        </thead>
        <tbody>
            @foreach ($page['dead_letters'] as $deadLetter)
                <tr>
                    <td data-label="Select"><input type="checkbox" name="ids[]" value="{{ $deadLetter['id'] }}" aria-label="Select {{ $deadLetter['id'] }}"></td>
                    <th scope="row"><a href="{{ DashboardUrl::to('dead-letters.show', $deadLetter['id']) }}"><x-resonate-webhooks::time :ms="$deadLetter['dropped_ms']" :now="$now" /></a></th>
                    <td data-label="Endpoint"><x-resonate-webhooks::sanitized :text="$deadLetter['url'] ?: $deadLetter['endpoint'] ?: 'no endpoint'" /></td>
                    <td data-label="Application"><x-resonate-webhooks::sanitized :text="$deadLetter['app_id']" /></td>
                    <td data-label="Reason"><x-resonate-webhooks::sanitized :text="$deadLetter['reason']" class="error" /></td>
                    <td data-label="Attempts" class="number">{{ Format::number($deadLetter['attempts']) }}</td>
                    <td data-label="Events" class="number">{{ Format::number($deadLetter['events']) }}</td>
                    <td data-label="Size" class="number">{{ Format::bytes($deadLetter['bytes']) }}</td>
                </tr>
            @endforeach
        </tbody>
    </table>

    <p class="actions">
        <button class="button button-plain" name="action" value="retry">Retry selected</button>
        <button class="button button-plain" name="action" value="forget">Forget selected</button>
    </p>
</form>
