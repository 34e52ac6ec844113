//! Causes of dropped events. There are few enough for a label of a metric.

use strum::{EnumCount, IntoStaticStr, VariantArray};

/// The outbox had too many events.
pub(crate) const OUTBOX_FULL: &str = "outbox full";

/// The secret of the application is unknown, so the events cannot be signed.
pub(crate) const UNKNOWN_APPLICATION: &str = "unknown application";

/// The endpoint was removed from the config.
pub(crate) const UNCONFIGURED: &str = "the endpoint is not configured any more";

/// An entry of the outbox has a kind that only a newer version may know.
pub(crate) const UNKNOWN_KIND: &str = "an event of an unknown kind";

/// An entry is truncated or malformed.
pub(crate) const UNREADABLE: &str = "an event that cannot be read";

/// An entry has none of the fields of an entry.
pub(crate) const NO_EVENT: &str = "an entry without an event";

/// The sequence number of an entry within its millisecond is too large.
pub(crate) const NO_PLACE: &str = "an entry with too great a number";

/// The cause of dropped events, or of a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumCount, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
#[repr(u8)]
pub enum Cause {
    /// The last response had a status from 400 to 499.
    #[strum(serialize = "http_4xx")]
    Http4xx,
    /// The last response had a status from 500 to 599.
    #[strum(serialize = "http_5xx")]
    Http5xx,
    /// The last response had another status.
    HttpOther,
    /// There was no response, or not one from the receiver itself.
    NoAnswer,
    /// Too many events waited.
    OutboxFull,
    /// The application's secret is unknown.
    UnknownApplication,
    /// The endpoint was removed from the config.
    NotConfigured,
    /// This version cannot read the entry.
    Unreadable,
}

impl Cause {
    /// Returns the cause for a reason as in the log and in dead letters.
    pub(crate) fn of(reason: &str) -> Self {
        match reason {
            OUTBOX_FULL => Self::OutboxFull,
            UNKNOWN_APPLICATION => Self::UnknownApplication,
            UNCONFIGURED => Self::NotConfigured,
            UNKNOWN_KIND | UNREADABLE | NO_EVENT | NO_PLACE => Self::Unreadable,
            _ => match reason.strip_prefix("HTTP ").and_then(|status| status.parse::<u16>().ok()) {
                Some(400..=499) => Self::Http4xx,
                Some(500..=599) => Self::Http5xx,
                Some(_) => Self::HttpOther,
                None => Self::NoAnswer,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_cause_that_text_from_a_peer_cannot_choose() {
        let causes = [
            ("HTTP 404", Cause::Http4xx),
            ("HTTP 410", Cause::Http4xx),
            ("HTTP 503", Cause::Http5xx),
            ("HTTP 302", Cause::HttpOther),
            ("HTTP 500 or so, says the proxy", Cause::NoAnswer),
            ("connection refused", Cause::NoAnswer),
            (OUTBOX_FULL, Cause::OutboxFull),
            (UNKNOWN_APPLICATION, Cause::UnknownApplication),
            (UNCONFIGURED, Cause::NotConfigured),
            (UNKNOWN_KIND, Cause::Unreadable),
        ];
        for (reason, cause) in causes {
            assert_eq!(Cause::of(reason), cause, "{reason}");
        }
    }

    #[test]
    fn every_cause_has_its_own_index() {
        for (place, cause) in Cause::VARIANTS.iter().enumerate() {
            assert_eq!(*cause as usize, place);
        }
    }
}
