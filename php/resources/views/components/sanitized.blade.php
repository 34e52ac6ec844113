@props(['text'])
<bdi {{ $attributes }}>{{ \Webpatser\ResonateWebhooks\Support\SanitizedText::line((string) $text) }}</bdi>@php /* The line break behind this is not sent. */ @endphp
