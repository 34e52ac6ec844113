@props(['title', 'tone' => 'bad'])
<div class="notice notice-{{ $tone }}" role="alert">
    <h2>{{ $title }}</h2>
    {{ $slot }}
</div>
