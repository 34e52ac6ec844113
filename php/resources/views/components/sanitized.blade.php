@props(['text'])
<bdi {{ $attributes }}>{{ \Webpatser\ResonateWebhooks\Support\SanitizedText::line((string) $text) }}</bdi>@php /* PHP does not send the line break after this. */ @endphp
