//! The batch limits of an endpoint: `endpoints.*.batching`.

use std::time::Duration;

use serde::Deserialize;

use super::scalar::Switch;
use super::{HOUR_MS, Seconds, Whole};

/// The limits of an endpoint's batches. `None` means the global limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "WrittenBatching")]
pub struct Batching {
    /// Maximum time that an event waits for more events.
    pub flush_interval: Option<Duration>,
    /// Maximum span of event time in one batch.
    pub span: Option<Duration>,
    /// Maximum number of events in one POST.
    pub max_events: Option<usize>,
}

/// `batching` before it is resolved.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "an array with enabled, duration, span or max_events")]
struct WrittenBatching {
    enabled: Switch,
    /// In ms, as in other servers.
    duration: Option<Whole<0, HOUR_MS>>,
    span: Option<Seconds<0, { 24 * HOUR_MS }>>,
    max_events: Option<Whole<1, 10_000>>,
}

impl From<WrittenBatching> for Batching {
    /// Without batching, every event is sent immediately in its own POST.
    fn from(WrittenBatching { enabled, duration, span, max_events }: WrittenBatching) -> Self {
        if !enabled.or(true) {
            return Self { flush_interval: Some(Duration::ZERO), span: None, max_events: Some(1) };
        }
        Self {
            flush_interval: duration.map(|duration| Duration::from_millis(duration.get().into())),
            span: span.map(Seconds::duration),
            max_events: max_events.map(Whole::size),
        }
    }
}
