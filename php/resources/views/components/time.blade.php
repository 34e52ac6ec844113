@props(['ms', 'now', 'never' => 'never'])
@php use Webpatser\ResonateWebhooks\Support\Format; @endphp
@if ($ms === null)<span class="muted">{{ $never }}</span>@else<time datetime="{{ gmdate('Y-m-d\TH:i:s\Z', intdiv($ms, 1000)) }}" title="{{ Format::exact($ms) }}">{{ Format::distance($ms, $now) }}</time>@endif
