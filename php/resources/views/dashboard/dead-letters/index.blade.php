@extends('resonate-webhooks::dashboard.layout')

@use('Webpatser\ResonateWebhooks\Support\DashboardUrl')
@use('Webpatser\ResonateWebhooks\Support\Format')

@section('title', 'Dead letters')

@section('content')
    <div class="heading">
        <h1>Dead letters <span class="muted">{{ Format::number($total) }}</span></h1>

        @if ($total > 0)
            <p class="actions">
                <a class="button button-plain" href="{{ DashboardUrl::to('dead-letters.confirm', ['action' => 'retry', 'all' => 1]) }}">Retry all</a>
                <a class="button button-plain" href="{{ DashboardUrl::to('dead-letters.confirm', ['action' => 'forget', 'all' => 1]) }}">Forget all</a>
            </p>
        @endif
    </div>

    @if ($missing !== [])
        <x-resonate-webhooks::notice title="The list is incomplete" tone="warn">
            @foreach ($missing as $reason)<p><x-resonate-webhooks::sanitized :text="$reason" /></p>@endforeach
        </x-resonate-webhooks::notice>
    @endif

    <form method="get" action="{{ DashboardUrl::to('dead-letters') }}" class="search" role="search">
        <label for="search">Search endpoint, application, reason, ID or body</label>
        <input type="search" id="search" name="search" value="{{ $search }}">
        <button class="button">Search</button>
        @if ($search !== '')<a href="{{ DashboardUrl::to('dead-letters') }}">Show all</a>@endif
    </form>

    @if ($page['dead_letters'] === [])
        <p class="card empty">
            @if ($search === '') There are no {{ $before === '' ? '' : 'older ' }}dead letters.
            @else None of the {{ Format::count($page['searched'], 'dead letter') }} searched contain “<x-resonate-webhooks::sanitized :text="$search" />”.
            @endif
        </p>
    @else
        @include('resonate-webhooks::dashboard.dead-letters.table')
    @endif

    @if ($page['next'] !== null)
        <p><a class="button button-plain" rel="next" href="{{ DashboardUrl::to('dead-letters', array_filter(['search' => $search, 'before' => $page['next']])) }}">{{ $search === '' ? 'Older dead letters' : 'Search older dead letters' }}</a></p>
    @endif
@endsection
