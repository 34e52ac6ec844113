@extends('resonate-webhooks::dashboard.layout')

@section('title', $title)

@section('content')
    <section class="card question" aria-labelledby="question">
        <h1 id="question">{{ $title }}</h1>

        @if ($subjects !== [])
            <ul>
                @foreach ($subjects as $subject)
                    <li>
                        <x-resonate-webhooks::sanitized :text="$subject['label']" class="strong" />
                        @unless (str_contains($subject['label'], $subject['url']))
                            <x-resonate-webhooks::sanitized :text="$subject['url']" class="muted" />
                        @endunless
                    </li>
                @endforeach
            </ul>
        @endif

        <p>{{ $explanation }}</p>

        <form method="post" action="{{ $action }}" class="actions">
            @csrf
            @foreach ($fields as $name => $value)
                @foreach ((array) $value as $one)
                    <input type="hidden" name="{{ is_array($value) ? "{$name}[]" : $name }}" value="{{ $one }}">
                @endforeach
            @endforeach
            <button @class(['button', 'button-danger' => $dangerous])>{{ $button }}</button>
            <a class="button button-plain" href="{{ $back }}">Cancel</a>
        </form>
    </section>
@endsection
