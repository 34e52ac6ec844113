//! The work that remains after a flush.

use std::fmt;

/// The work that a flush could not finish in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlushReport {
    /// Intents that the intake has not applied.
    pub intents: usize,
    /// Claims that Redis has not decided.
    pub claims: usize,
    /// Client events that are not in the outbox.
    pub client_events: usize,
    /// Events that an endpoint has not acknowledged.
    pub events: usize,
    /// `true` if the outbox was not read to its end in time, so there may be more events.
    pub unread: bool,
}

impl FlushReport {
    /// Returns `true` if nothing remains.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        self.intents == 0 && self.claims == 0 && self.client_events == 0 && self.events == 0 && !self.unread
    }
}

impl fmt::Display for FlushReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { intents, claims, client_events, events, unread } = self;
        let safe = if *events > 0 || *unread { " (safe in Redis)" } else { "" };
        let others = if *unread { " and possibly more that could not be read" } else { "" };
        write!(
            f,
            "{events} events undelivered{others}{safe}, {claims} claims undecided, {intents} intents unprocessed"
        )?;
        if *client_events > 0 {
            write!(f, ", {client_events} client events lost: Redis did not accept them")?;
        }
        Ok(())
    }
}
