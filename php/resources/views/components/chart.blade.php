@props(['chart', 'id', 'bare' => false])
@use('Webpatser\ResonateWebhooks\Support\Chart')
<figure class="chart">
    @unless ($bare)
        <figcaption>
            <span class="strong">{{ $chart->title }}</span>
            @foreach ($chart->series as $series)<span class="key"><svg class="swatch" viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" class="chart-{{ $series['tone'] }}" /></svg> {{ $series['name'] }}</span>@endforeach
            <span class="muted most">max {{ number_format($chart->max, $chart->max < 10 && fmod($chart->max, 1) > 0 ? 1 : 0) }}</span>
        </figcaption>
    @endunless
    <svg viewBox="0 0 {{ Chart::WIDTH }} {{ Chart::HEIGHT }}" preserveAspectRatio="none" role="img" aria-labelledby="{{ $id }}-title {{ $id }}-desc">
        <title id="{{ $id }}-title">{{ $chart->title }}</title>
        <desc id="{{ $id }}-desc">{{ $chart->summary }}</desc>
        @foreach ($chart->bars() as $bar)<rect class="{{ $bar['class'] }}" x="{{ $bar['x'] }}" y="{{ $bar['y'] }}" width="{{ $bar['width'] }}" height="{{ $bar['height'] }}" />@endforeach
        @foreach ($chart->lines() as $line)<polyline class="{{ $line['class'] }}" points="{{ $line['points'] }}" />@endforeach
        <line class="chart-base" x1="0" x2="{{ Chart::WIDTH }}" y1="{{ Chart::HEIGHT - 0.5 }}" y2="{{ Chart::HEIGHT - 0.5 }}" />
    </svg>
</figure>
