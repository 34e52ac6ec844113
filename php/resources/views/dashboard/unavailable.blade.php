@extends('resonate-webhooks::dashboard.layout')

@section('title', $title)

@section('content')
    <h1 class="sr-only">Webhooks</h1>
    @include('resonate-webhooks::dashboard.partials.unavailable')
@endsection
