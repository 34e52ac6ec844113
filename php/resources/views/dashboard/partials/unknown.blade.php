@use('Webpatser\ResonateWebhooks\Support\DashboardUrl')
@use('Webpatser\ResonateWebhooks\Support\Format')
<section aria-labelledby="summary-title">
    <h2 id="summary-title" class="sr-only">Summary</h2>
    <p class="sr-only" data-spoken>Shard 0 does not answer. {{ Format::count($status['dead_letters'], 'dead letter') }}.</p>
    <dl class="tiles">
        <x-resonate-webhooks::tile name="Servers with a lease">{{ Format::number(Format::leases($status)) }}</x-resonate-webhooks::tile>
        <x-resonate-webhooks::tile name="Events in the outbox">{{ Format::number($status['outbox']['events']) }}</x-resonate-webhooks::tile>
        <x-resonate-webhooks::tile name="Dead letters" :tone="$status['dead_letters'] > 0 ? 'warn' : ''"><a href="{{ DashboardUrl::to('dead-letters') }}" id="to-dead-letters">{{ Format::number($status['dead_letters']) }}</a></x-resonate-webhooks::tile>
    </dl>

    <x-resonate-webhooks::notice title="Shard 0 does not answer">
        <p><x-resonate-webhooks::sanitized :text="$unknown" /></p>
        <p>It has the reports of the servers, so servers, endpoints, channels and history are unknown. The numbers here are those of the other shards.</p>
    </x-resonate-webhooks::notice>
</section>
