@props(['text'])
<bdi {{ $attributes }}>{{ \Webpatser\ResonateWebhooks\Support\Foreign::line((string) $text) }}</bdi>@php /* The line break behind this is not sent. */ @endphp
