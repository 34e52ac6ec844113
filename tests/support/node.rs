//! A running delivery without PHP or Redis.

use std::sync::Arc;
use std::time::{Duration, Instant};

use resonate_webhooks::config::{
    AddressRules, AppScope, Backoff, Batching, CustomNames, Endpoint, EndpointId, EventSet, Filter, Payload, Target,
    TlsFiles,
};
use resonate_webhooks::delivery::{AppRegistry, Credentials, Delivery, DeliverySettings};
use resonate_webhooks::event::{Event, EventKind};
use resonate_webhooks::secret::Secret;
use resonate_webhooks::telemetry::{Outcome, Telemetry};

use super::memory_outbox::MemoryOutbox;
use super::wait::eventually;

/// Settings that suit tests: short waits, roomy caps.
pub(crate) const SETTINGS: DeliverySettings =
    DeliverySettings { flush_interval: Duration::from_millis(200), batch_max_events: 100, batch_max_bytes: 100_000 };

/// Events that may wait in an outbox unless a test is about that.
const ROOMY: usize = 10_000;

/// A delivery under test. It is stopped when dropped.
pub(crate) struct Node {
    /// What is tested.
    pub(crate) delivery: Delivery,
    outbox: Arc<MemoryOutbox>,
    /// What it counts and reports.
    pub(crate) telemetry: Arc<Telemetry>,
}

impl Node {
    /// Starts one with [`SETTINGS`].
    pub(crate) fn start(endpoints: Vec<Endpoint>) -> Self {
        Self::with(SETTINGS, endpoints)
    }

    /// Starts one over an outbox with room for 10 000 events.
    pub(crate) fn with(settings: DeliverySettings, endpoints: Vec<Endpoint>) -> Self {
        Self::over(MemoryOutbox::new(ROOMY), settings, endpoints)
    }

    /// Starts one that knows the applications `app`, `other` and `app-0` to `app-299`.
    pub(crate) fn over(outbox: MemoryOutbox, settings: DeliverySettings, endpoints: Vec<Endpoint>) -> Self {
        let apps = AppRegistry::default();
        for app in ["app", "other"] {
            let credentials = Credentials { key: format!("{app}-key"), secret: Secret::new(format!("{app}-secret")) };
            apps.register(app.into(), credentials);
        }
        for n in 0..300 {
            let credentials = Credentials { key: format!("key-{n}"), secret: Secret::new("secret") };
            apps.register(format!("app-{n}").as_str().into(), credentials);
        }
        let (outbox, telemetry) = (Arc::new(outbox), Arc::new(Telemetry::default()));
        let events = Arc::clone(&outbox);
        let delivery = Delivery::start(events, settings, endpoints, Arc::new(apps), Arc::clone(&telemetry)).unwrap();
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

    /// Waits for an outcome that is no log line, and no word on whether an endpoint fails just now.
    pub(crate) fn outcome(&self) -> Outcome {
        let beside = |outcome: &Outcome| {
            matches!(outcome, Outcome::Log { .. } | Outcome::EndpointFailing { .. } | Outcome::EndpointRecovered { .. })
        };
        eventually("an outcome", || self.telemetry.outcomes().take(1).pop().filter(|outcome| !beside(outcome)))
    }

    /// Takes every outcome so far.
    pub(crate) fn outcomes(&self) -> Vec<Outcome> {
        self.telemetry.outcomes().take(10_000)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.delivery.stop(Instant::now() + Duration::from_secs(1));
    }
}

/// An endpoint that wants everything, with the defaults of the configuration.
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
        batching: Batching::default(),
        headers: Vec::new(),
        timeout: Duration::from_secs(10),
        connect_timeout: Duration::from_secs(5),
        max_attempts: 5,
        retry_for: None,
        retry_after_max: Duration::from_secs(300),
        backoff: Backoff::default(),
        request_interval: None,
        tls: TlsFiles::default(),
        proxy: None,
        addresses: AddressRules::default(),
    }
}

/// The first connection came to `channel`.
pub(crate) fn occupied(app: &str, channel: &str) -> Event {
    Event { app: app.into(), channel: channel.into(), time_ms: 1_700_000_000_000, kind: EventKind::ChannelOccupied }
}

/// The channels `c0`, `c1` and so on.
pub(crate) fn numbered(range: std::ops::Range<usize>) -> impl Iterator<Item = String> {
    range.map(|n| format!("c{n}"))
}
