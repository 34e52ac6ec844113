<section class="card" aria-labelledby="history-title">
    <h2 id="history-title">History</h2>

    <div class="periods">
        @foreach (['hour' => ['Last hour', $hour], 'day' => ['Last 24 hours', $day]] as $period => [$title, $charts])
            <section aria-labelledby="{{ $period }}-title">
                <h3 id="{{ $period }}-title">{{ $title }}</h3>
                <p class="muted">{{ $charts->summary() }}. {{ $charts->scale() }} {{ $charts->incomplete() }}</p>

                @foreach ($charts->charts() as $place => $chart)
                    <x-resonate-webhooks::chart :chart="$chart" :id="$period.'-'.$place" />
                @endforeach

                <p class="axis muted" aria-hidden="true"><span>{{ $charts->span()[0] }}</span> <span>{{ $charts->span()[1] }}</span></p>

                <details id="{{ $period }}-numbers">
                    <summary id="{{ $period }}-numbers-toggle">{{ $title }} as a table</summary>
                    @include('resonate-webhooks::dashboard.partials.history-table')
                </details>
            </section>
        @endforeach
    </div>
</section>
