@props(['ms', 'now', 'never' => 'never', 'elapsed' => false])
@use('Webpatser\ResonateWebhooks\Support\Format')
@if ($ms === null)<span class="muted">{{ $never }}</span>@else<time datetime="{{ gmdate('Y-m-d\TH:i:s\Z', intdiv($ms, 1000)) }}" title="{{ Format::dateTime($ms) }}">{{ $elapsed ? Format::elapsed($ms, $now) : Format::relative($ms, $now) }}</time>@endif
