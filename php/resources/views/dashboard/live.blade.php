@if ($unknown !== null)
    @include('resonate-webhooks::dashboard.partials.unknown')
@else
    @include('resonate-webhooks::dashboard.partials.summary')
    @include('resonate-webhooks::dashboard.partials.endpoints')
    @include('resonate-webhooks::dashboard.partials.history')
    @include('resonate-webhooks::dashboard.partials.lanes')
    @include('resonate-webhooks::dashboard.partials.nodes')
@endif

<div class="columns">
    @includeWhen($unknown === null, 'resonate-webhooks::dashboard.partials.channels')
    @include('resonate-webhooks::dashboard.partials.redis')
</div>
