@include('resonate-webhooks::dashboard.partials.summary')
@include('resonate-webhooks::dashboard.partials.endpoints')
@include('resonate-webhooks::dashboard.partials.history')
@include('resonate-webhooks::dashboard.partials.lanes')
@include('resonate-webhooks::dashboard.partials.nodes')

<div class="columns">
    @include('resonate-webhooks::dashboard.partials.channels')
    @include('resonate-webhooks::dashboard.partials.redis')
</div>
