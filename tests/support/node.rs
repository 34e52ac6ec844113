//! A running delivery without PHP or Redis.

use std::sync::Arc;
use std::time::{Duration, Instant};

use resonate_webhooks::config::{
    AddressRules, AppScope, Backoff, Batching, CustomNames, Endpoint, EndpointId, EventSet, Filter, Payload, Target,
    TlsFiles,
};
use resonate_webhooks::delivery::{AppRegistry, Credentials, Delivery};
use resonate_webhooks::event::{Event, EventKind};
use resonate_webhooks::secret::Secret;
use resonate_webhooks::telemetry::{Outcome, Telemetry};

use super::memory_outbox::MemoryOutbox;
use super::wait::eventually;

/// Batches of tests: short waits, generous limits.
pub(crate) const BATCHING: Batching = Batching {
    flush_interval: Duration::from_millis(200),
    span: Duration::from_millis(200),
    max_events: 100,
    max_bytes: 100_000,
};

/// Default limit of waiting events in the outbox.
const ROOMY: usize = 10_000;

/// A delivery under test. Dropping it stops it.
pub(crate) struct Node {
    /// The delivery.
    pub(crate) delivery: Delivery,
    outbox: Arc<MemoryOutbox>,
    /// Its counters and outcomes.
    pub(crate) telemetry: Arc<Telemetry>,
}

impl Node {
    /// Starts a delivery whose outbox has room for 10 000 events.
    pub(crate) fn start(endpoints: Vec<Endpoint>) -> Self {
        Self::over(MemoryOutbox::new(ROOMY), endpoints)
    }

    /// Starts a delivery with the applications `app`, `other` and `app-0` to `app-299`.
    pub(crate) fn over(outbox: MemoryOutbox, endpoints: Vec<Endpoint>) -> Self {
        let apps = AppRegistry::default();
        for app in ["app", "other"] {
            let credentials = Credentials { key: format!("{app}-key"), secret: Secret::new(format!("{app}-secret")) };
            apps.register(app.into(), credentials);
        }
        for n in 0..300 {
            let credentials = Credentials { key: format!("key-{n}"), secret: Secret::new("secret") };
            apps.register(format!("app-{n}").as_str().into(), credentials);
        }
        let (telemetry, outbox) = (Arc::clone(&outbox.telemetry), Arc::new(outbox));
        let events = Arc::clone(&outbox);
        let delivery = Delivery::start(None, events, endpoints, Arc::new(apps), Arc::clone(&telemetry)).unwrap();
        Self { delivery, outbox, telemetry }
    }

    /// Delivers events.
    pub(crate) fn deliver(&self, events: Vec<Event>) {
        self.outbox.append(events);
        self.delivery.wake();
    }

    /// Delivers one event of `app` for each of `channels`.
    pub(crate) fn accept(&self, app: &str, channels: impl IntoIterator<Item = String>) {
        self.deliver(channels.into_iter().map(|channel| occupied(app, &channel)).collect());
    }

    /// Waits for an outcome, other than a log line or a change of an endpoint's health.
    pub(crate) fn outcome(&self) -> Outcome {
        let beside = |outcome: &Outcome| {
            matches!(outcome, Outcome::Log { .. } | Outcome::EndpointFailing { .. } | Outcome::EndpointRecovered { .. })
        };
        eventually("an outcome", || self.telemetry.outcomes.take(1).pop().filter(|outcome| !beside(outcome)))
    }

    /// Takes all outcomes so far.
    pub(crate) fn outcomes(&self) -> Vec<Outcome> {
        self.telemetry.outcomes.take(10_000)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.delivery.stop(Instant::now() + Duration::from_secs(1));
    }
}

/// Returns an endpoint that wants every event, with the defaults of the configuration.
pub(crate) fn endpoint(index: usize, url: String) -> Endpoint {
    Endpoint {
        secret: None,
        id: EndpointId::new(&index.to_string()),
        key: format!("endpoints.{index}"),
        target: Target::Url(url.try_into().unwrap()),
        apps: AppScope::Every,
        name: None,
        events: EventSet::usual(),
        custom: CustomNames::default(),
        filter: Filter::default(),
        payload: Payload::default(),
        batching: BATCHING,
        headers: Vec::new(),
        timeout: Duration::from_secs(10),
        connect_timeout: Duration::from_secs(5),
        max_attempts: 5,
        retry_for: None,
        retry_after_max: Duration::from_secs(300),
        backoff: Backoff::default(),
        keep_answers: 512,
        request_interval: None,
        tls: TlsFiles::default(),
        proxy: None,
        addresses: AddressRules::default(),
    }
}

/// Returns a `channel_occupied` event.
pub(crate) fn occupied(app: &str, channel: &str) -> Event {
    Event { app: app.into(), channel: channel.into(), time_ms: 1_700_000_000_000, kind: EventKind::ChannelOccupied }
}

/// Returns the channels `c0`, `c1` and so on.
pub(crate) fn numbered(range: std::ops::Range<usize>) -> impl Iterator<Item = String> {
    range.map(|n| format!("c{n}"))
}
