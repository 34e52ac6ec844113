@extends('resonate-webhooks::dashboard.layout')

@use('Webpatser\ResonateWebhooks\Support\DashboardUrl')

@section('title', 'Overview')

@section('content')
    <div class="heading">
        <h1>Overview</h1>
        <p id="refresh" class="muted" data-url="{{ DashboardUrl::to('live') }}" data-interval="5000">
            <noscript>Without JavaScript, this page does not refresh by itself.</noscript>
        </p>
    </div>

    <p id="spoken" class="sr-only" role="status" aria-live="polite"></p>

    <div id="live">
        @include('resonate-webhooks::dashboard.live')
    </div>
@endsection
