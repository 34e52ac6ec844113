//! What is left when the time is up.

use std::fmt;

/// What a flush could not send on in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Intents not taken in.
    pub intents: usize,
    /// Claims that Redis has not judged.
    pub claims: usize,
    /// Client events that are in no outbox.
    pub client_events: usize,
    /// Events that an endpoint has not answered.
    pub events: usize,
    /// Whether those events outlive the process.
    pub kept: bool,
}

impl Left {
    /// Whether everything was sent on.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        self.intents == 0 && self.claims == 0 && self.client_events == 0 && self.events == 0
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { intents, claims, client_events, events, kept } = self;
        let fate = match (events, kept) {
            (0, _) => "",
            (_, true) => " (safe in Redis)",
            (_, false) => " (lost)",
        };
        write!(f, "{events} events undelivered{fate}, {claims} claims undecided, {intents} intents not taken in")?;
        if *client_events > 0 {
            write!(f, ", {client_events} client events lost: Redis did not take them")?;
        }
        Ok(())
    }
}
