//! Why events were given up, in few enough words for a label of a metric.

/// They were too many for the outbox.
pub(crate) const OUTBOX_FULL: &str = "outbox full";

/// Nobody could sign them.
pub(crate) const UNKNOWN_APPLICATION: &str = "unknown application";

/// There is nobody to send them to.
pub(crate) const UNCONFIGURED: &str = "the endpoint is not configured any more";

/// An entry of the outbox is of a kind that a newer version may know.
pub(crate) const UNKNOWN_KIND: &str = "an event of an unknown kind";

/// It is cut short, or not what it says.
pub(crate) const UNREADABLE: &str = "an event that cannot be read";

/// It has none of the fields that an entry has.
pub(crate) const NO_EVENT: &str = "an entry without an event";

/// More entries have its millisecond than can be told apart.
pub(crate) const NO_PLACE: &str = "an entry with too great a number";

/// Why events were given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Cause {
    /// The last answer had a status from 400 to 499.
    Http4xx,
    /// It had one from 500 to 599.
    Http5xx,
    /// It had another one.
    HttpOther,
    /// There was no answer, or none of the receiver's own.
    NoAnswer,
    /// Too many events waited.
    OutboxFull,
    /// Nobody knew the application's secret.
    UnknownApplication,
    /// The endpoint is not in the config any more.
    NotConfigured,
    /// This version could not read it.
    Unreadable,
}

impl Cause {
    /// All causes.
    pub const ALL: [Self; 8] = [
        Self::Http4xx,
        Self::Http5xx,
        Self::HttpOther,
        Self::NoAnswer,
        Self::OutboxFull,
        Self::UnknownApplication,
        Self::NotConfigured,
        Self::Unreadable,
    ];

    /// The cause behind a reason as it stands in the log and in dead letters.
    #[must_use]
    pub fn of(reason: &str) -> Self {
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

    /// The label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http4xx => "http_4xx",
            Self::Http5xx => "http_5xx",
            Self::HttpOther => "http_other",
            Self::NoAnswer => "no_answer",
            Self::OutboxFull => "outbox_full",
            Self::UnknownApplication => "unknown_application",
            Self::NotConfigured => "not_configured",
            Self::Unreadable => "unreadable",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_cause_and_what_a_peer_says_does_not_choose_it() {
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
    fn every_cause_stands_at_its_own_place() {
        for (place, cause) in Cause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, place);
        }
    }
}
