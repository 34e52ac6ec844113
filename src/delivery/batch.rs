//! A batch: the events of one lane that travel in one POST.

use std::sync::{Arc, OnceLock};

use base16ct::lower;

use super::body;
use super::signature::sign;
use crate::apps::AppDirectory;
use crate::config::Payload;
use crate::names::AppId;
use crate::outbox::{Flight, Queued, Redelivery, Wire, redelivery_of};

/// The events of one POST, under one id. Frozen when the outbox has it, before its first attempt.
#[derive(Debug)]
pub(crate) struct Batch {
    app: AppId,
    id: String,
    events: Vec<Arc<Queued>>,
    payload: Payload,
    wire: OnceLock<Wire>,
}

impl Batch {
    /// Makes a batch of `events`, all of `app`.
    pub(crate) fn new(app: AppId, id: String, events: Vec<Arc<Queued>>) -> Self {
        debug_assert!(events.iter().all(|queued| *queued.item.app() == app), "applications never share a batch");
        Self { app, id, events, payload: Payload::default(), wire: OnceLock::new() }
    }

    /// The same for an endpoint that is told this of each event.
    pub(crate) fn saying(self, payload: Payload) -> Self {
        Self { payload, ..self }
    }

    /// A batch that was under way on another node.
    pub(crate) fn inherited(flight: Flight) -> Self {
        let Flight { lane, id, wire, events } = flight;
        Self { app: lane.app, id, events, payload: Payload::default(), wire: wire.into() }
    }

    /// What it looks like on the wire, once frozen.
    pub(crate) fn wire(&self) -> Option<&Wire> {
        self.wire.get()
    }

    /// `webhook-id`.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The events, oldest first.
    pub(crate) fn events(&self) -> &[Arc<Queued>] {
        &self.events
    }

    /// The dead letter that it is to send again, if it is one.
    pub(crate) fn redelivery(&self) -> Option<&Redelivery> {
        redelivery_of(&self.events)
    }

    /// The JSON of its events, which come from the outbox of this `origin`.
    pub(crate) fn encode(&self, origin: u64) -> Vec<u8> {
        body::encode(&self.events, self.payload, origin)
    }

    /// The batch with this `body` as it would go over the wire if it were frozen now, at `unix_seconds`. `None` while the
    /// application's credentials are unknown.
    pub(crate) fn sign(&self, apps: &AppDirectory, unix_seconds: u64, body: Vec<u8>) -> Option<Wire> {
        apps.signing_key(&self.app).map(|key| sign(&self.id, unix_seconds, body, &key))
    }

    /// Freezes the batch as `wire`, if it is not frozen yet. Returns what goes over the wire from now on.
    pub(crate) fn freeze(&self, wire: Wire) -> &Wire {
        self.wire.get_or_init(|| wire)
    }
}

/// The longest number, in digits.
const DIGITS: usize = 16;

/// Makes the ids of batches: unique over processes by a random prefix, within one by a counter.
#[derive(Debug)]
pub(crate) struct BatchIds {
    prefix: String,
    made: u64,
}

impl BatchIds {
    /// Ids of a process that drew `boot`.
    pub(crate) fn new(boot: u64) -> Self {
        Self { prefix: format!("msg_{boot:016x}_"), made: 0 }
    }

    /// The next id. Without a full stop, which Standard Webhooks uses to separate the parts of what it signs.
    pub(crate) fn next(&mut self) -> String {
        self.made += 1;
        let mut digits = [0; DIGITS];
        // There is room for all of them.
        let digits = lower::encode_str(&self.made.to_be_bytes(), &mut digits).unwrap_or_default();
        [&self.prefix, digits.trim_start_matches('0')].concat()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::apps::Credentials;
    use crate::event::{Event, EventKind};
    use crate::outbox::{Item, Position};
    use crate::secret::Secret;

    fn batch() -> Batch {
        let event = Event { app: "app".into(), channel: "c".into(), time_ms: 1, kind: EventKind::ChannelOccupied };
        let queued = Queued::new(Item::Event(event), Position { partition: 0, tenure: 0, seq: 0 }, Instant::now());
        Batch::new("app".into(), BatchIds::new(1).next(), vec![Arc::new(queued)])
    }

    fn register(apps: &AppDirectory, secret: &str) {
        apps.register("app".into(), Credentials { key: "key".to_owned(), secret: Secret::new(secret) });
    }

    #[test]
    fn a_batch_keeps_its_body_time_and_signatures_when_the_secret_rotates_between_attempts() {
        let (apps, batch) = (AppDirectory::default(), batch());
        register(&apps, "old");
        let first = batch.freeze(batch.sign(&apps, 1000, batch.encode(0)).unwrap()).clone();
        register(&apps, "new");
        let second = batch.sign(&apps, 2000, batch.encode(0)).unwrap();
        assert_ne!(second, first);
        assert_eq!(batch.freeze(second), &first);
        assert_eq!(batch.wire(), Some(&first));
    }

    #[test]
    fn a_batch_of_an_unknown_application_cannot_be_signed() {
        assert!(batch().sign(&AppDirectory::default(), 1000, Vec::new()).is_none());
    }

    #[test]
    fn ids_differ_within_a_process_and_between_processes() {
        let (mut one, mut other) = (BatchIds::new(1), BatchIds::new(2));
        let ids = [one.next(), one.next(), other.next()];
        assert_eq!(ids, ["msg_0000000000000001_1", "msg_0000000000000001_2", "msg_0000000000000002_1"]);
    }
}
