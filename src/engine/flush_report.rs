//! What a flush left undone.

use std::fmt;

/// What a flush could not send on in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlushReport {
    /// Intents not taken in.
    pub intents: usize,
    /// Claims that Redis has not judged.
    pub claims: usize,
    /// Client events that are in no outbox.
    pub client_events: usize,
    /// Events that an endpoint has not answered.
    pub events: usize,
    /// Whether there may be others, in an outbox that could not be read to its end in time.
    pub unread: bool,
}

impl FlushReport {
    /// Whether everything was sent on.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        self.intents == 0 && self.claims == 0 && self.client_events == 0 && self.events == 0 && !self.unread
    }
}

impl fmt::Display for FlushReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { intents, claims, client_events, events, unread } = self;
        let safe = if *events > 0 || *unread { " (safe in Redis)" } else { "" };
        let others = if *unread { ", perhaps others that could not be read" } else { "" };
        write!(
            f,
            "{events} events undelivered{others}{safe}, {claims} claims undecided, {intents} intents not taken in"
        )?;
        if *client_events > 0 {
            write!(f, ", {client_events} client events lost: Redis did not take them")?;
        }
        Ok(())
    }
}
