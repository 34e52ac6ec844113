//! The batch limits of an endpoint: `endpoints.*.batching`.

use std::time::Duration;

use serde::Deserialize;

use super::scalar::Switch;
use super::{HOUR_MS, Payload, Seconds, Whole};

/// The limits of an endpoint's batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Batching {
    /// Maximum time that an event waits for others to join its batch.
    pub flush_interval: Duration,
    /// Maximum span of a batch in event time.
    pub span: Duration,
    /// Maximum number of events in one POST.
    pub max_events: usize,
    /// Maximum size of a body in bytes. A single longer event is still sent.
    pub max_bytes: usize,
}

/// `batching` before it is resolved.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "an array with enabled, duration, span or max_events")]
pub(super) struct WrittenBatching {
    enabled: Switch,
    /// In ms, as in other servers.
    duration: Option<Whole<0, HOUR_MS>>,
    span: Option<Seconds<0, { 24 * HOUR_MS }>>,
    max_events: Option<Whole<1, 10_000>>,
}

impl WrittenBatching {
    /// Returns the limits, or `otherwise` where they are not set. Without batching, every event is sent immediately in its own
    /// POST.
    pub(super) fn or(self, otherwise: Batching, payload: Payload) -> Batching {
        let Self { enabled, duration, span, max_events } = self;
        if !enabled.or(true) {
            let (flush_interval, span) = (Duration::ZERO, Duration::ZERO);
            return Batching { flush_interval, span, max_events: 1, ..otherwise };
        }
        let duration = duration.map(|duration| Duration::from_millis(duration.get().into()));
        let flush_interval = duration.unwrap_or(otherwise.flush_interval);
        // Each extended event has its own time, so the `time_ms` of the batch need not apply to all of them. A limit would
        // make a backlog take one request for each interval.
        let longest = if payload == Payload::Extended { Duration::MAX } else { flush_interval };
        Batching {
            flush_interval,
            span: span.map_or(longest, Seconds::duration),
            max_events: max_events.map_or(otherwise.max_events, Whole::size),
            ..otherwise
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use serde_json::{Value, json};

    use super::super::value::Setting;
    use super::*;

    const OTHERWISE: Batching = Batching {
        flush_interval: Duration::from_secs(1),
        span: Duration::from_secs(1),
        max_events: 1_000,
        max_bytes: 2_000,
    };

    fn read(written: Value) -> Option<WrittenBatching> {
        WrittenBatching::deserialize(Setting::root(written, &RefCell::default())).ok()
    }

    fn limits(written: Value, payload: Payload) -> Batching {
        read(written).unwrap().or(OTHERWISE, payload)
    }

    #[test]
    fn a_batch_spans_the_flush_interval_or_any_time_if_each_event_has_its_own() {
        let flush_interval = Duration::from_millis(200);
        let expected = Batching { flush_interval, span: flush_interval, ..OTHERWISE };
        assert_eq!(limits(json!({ "duration": 200 }), Payload::Pusher), expected);
        let unlimited = Batching { span: Duration::MAX, ..expected };
        assert_eq!(limits(json!({ "duration": 200 }), Payload::Extended), unlimited);
        let written = json!({ "duration": 200, "span": 3 });
        let own = Batching { span: Duration::from_secs(3), ..expected };
        assert_eq!(limits(written, Payload::Extended), own);
    }

    #[test]
    fn a_span_is_at_most_a_day() {
        assert!(read(json!({ "span": 86_400 })).is_some());
        assert!(read(json!({ "span": 86_401 })).is_none());
    }
}
