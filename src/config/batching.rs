//! How an endpoint wants its events bundled: `endpoints.*.batching`.

use std::time::Duration;

use serde::Deserialize;

use super::HOUR_MS;
use super::endpoint::chosen;
use super::scalar::{Seconds, Switch, Whole};

/// What bounds the batches of an endpoint, where it is not what bounds all others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Batching {
    /// The longest that an event waits for company.
    pub flush_interval: Option<Duration>,
    /// The most event time that one batch may span.
    pub span: Option<Duration>,
    /// Events in one POST, at most.
    pub max_events: Option<usize>,
}

/// The limits as they are written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an array with enabled, duration, span or max_events")]
pub(super) struct Written {
    enabled: Option<Switch>,
    /// Milliseconds, as other servers have it.
    duration: Option<Whole<0, HOUR_MS>>,
    span: Option<Seconds<0, { 24 * HOUR_MS }>>,
    max_events: Option<Whole<1, 10_000>>,
}

impl Written {
    /// The limits. Without batching every event is sent at once and alone.
    pub(super) fn resolve(self) -> Batching {
        if !chosen(self.enabled, true) {
            return Batching { flush_interval: Some(Duration::ZERO), span: None, max_events: Some(1) };
        }
        Batching {
            flush_interval: self.duration.map(|duration| Duration::from_millis(duration.get().into())),
            span: self.span.map(Seconds::duration),
            max_events: self.max_events.map(Whole::size),
        }
    }
}
