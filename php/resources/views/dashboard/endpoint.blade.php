@extends('resonate-webhooks::dashboard.layout')

@section('title', $endpoint['label'])

@section('content')
    <div class="heading">
        <h1><x-resonate-webhooks::sanitized :text="$endpoint['label']" /></h1>
    </div>

    @include('resonate-webhooks::dashboard.partials.history')
@endsection
