@props(['tone'])
<span class="badge badge-{{ $tone->value }}">{{ $slot }}</span>
