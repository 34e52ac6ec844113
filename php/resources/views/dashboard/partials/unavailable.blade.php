<x-resonate-webhooks::notice :title="$title">
    <p><x-resonate-webhooks::sanitized :text="$message" /></p>
    <p>{{ $advice }}</p>
</x-resonate-webhooks::notice>
