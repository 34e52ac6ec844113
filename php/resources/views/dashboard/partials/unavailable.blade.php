<x-resonate-webhooks::notice :title="$title">
    <p><x-resonate-webhooks::foreign :text="$message" /></p>
    <p>{{ $advice }}</p>
</x-resonate-webhooks::notice>
