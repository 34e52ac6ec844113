@use('Webpatser\ResonateWebhooks\Support\Format')
@php $rows = $charts->rows(); @endphp
@if ($rows === [])
    <p class="empty">Nothing happened.</p>
@else
    <div class="scroll" tabindex="0" role="region" aria-labelledby="{{ $period }}-numbers-toggle">
        <table>
            <thead>
                <tr>
                    <th scope="col">From</th>
                    @foreach (['Delivered', 'Failed', 'Given up', 'HTTP 4xx', 'HTTP 5xx', 'Other status', 'No answer', 'p50', 'p95'] as $column)<th scope="col" class="number">{{ $column }}</th>@endforeach
                    @if ($charts->load !== [])
                        @foreach (['Events', 'Events delivered', 'Hook calls', 'Waiting events', 'Waiting hook calls', 'Lag'] as $column)<th scope="col" class="number">{{ $column }}</th>@endforeach
                    @endif
                </tr>
            </thead>
            <tbody>
                @foreach ($rows as $row)
                    <tr>
                        <th scope="row">{{ $row['time'] }}@unless ($row['complete']) <small class="muted">incomplete</small>@endunless</th>
                        @foreach ([$row['delivered'], $row['failed'], $row['given_up'], ...array_values($row['failures'])] as $number)<td class="number">{{ Format::number($number) }}</td>@endforeach
                        @foreach ([$row['p50_ms'], $row['p95_ms']] as $ms)<td class="number">{{ $ms === null ? '–' : Format::duration($ms) }}</td>@endforeach
                        @if ($row['load'] !== null)
                            @foreach (['events', 'events_delivered', 'intents', 'queued_events', 'queued_intents'] as $column)<td class="number">{{ Format::number($row['load'][$column]) }}</td>@endforeach
                            <td class="number">{{ Format::duration($row['load']['lag_ms']) }}</td>
                        @endif
                    </tr>
                @endforeach
            </tbody>
        </table>
    </div>
    <p class="empty">Times without attempts and load are left out.</p>
@endif
