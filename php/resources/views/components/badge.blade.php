@props(['state'])
<span class="badge badge-{{ $state }}">{{ $state === 'unreported' ? 'not reported' : $state }}</span>
