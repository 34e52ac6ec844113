//! A batch: the events of one lane that are sent in one POST.

use std::sync::{Arc, OnceLock};

use base16ct::lower;

use super::AppRegistry;
use super::signature::{SignedRequest, sign};
use super::signing_key::{Signer, SigningKey};
use crate::config::Payload;
use crate::event::AppId;
use crate::outbox::{InFlightBatch, Queued, Redelivery, body, redelivery_of};

/// The events of one POST, with one id. Id and body are frozen before the first attempt, as soon as the outbox has
/// persisted them. Each attempt is signed when it is made.
#[derive(Debug)]
pub(crate) struct Batch {
    app: AppId,
    pub(crate) id: String,
    pub(crate) events: Vec<Arc<Queued>>,
    pub(crate) payload: Payload,
    body: OnceLock<Vec<u8>>,
}

impl Batch {
    /// Creates a batch of `events`, which all belong to `app`.
    pub(crate) fn new(app: AppId, id: String, events: Vec<Arc<Queued>>) -> Self {
        debug_assert!(events.iter().all(|queued| *queued.item.app() == app), "applications never share a batch");
        Self { app, id, events, payload: Payload::default(), body: OnceLock::new() }
    }

    /// Restores an in-flight batch of another node.
    pub(crate) fn inherited(flight: InFlightBatch) -> Self {
        let InFlightBatch { lane, id, body, events } = flight;
        Self { app: lane.app, id, events, payload: Payload::default(), body: body.into() }
    }

    /// Returns the body, if it is frozen.
    pub(crate) fn body(&self) -> Option<&[u8]> {
        self.body.get().map(Vec::as_slice)
    }

    /// Returns the dead letter that this batch retries, if any.
    pub(crate) fn redelivery(&self) -> Option<&Redelivery> {
        redelivery_of(&self.events)
    }

    /// Encodes the events as JSON. `origin` identifies the outbox.
    pub(crate) fn encode(&self, origin: u64) -> Vec<u8> {
        body::encode(&self.events, self.payload, origin)
    }

    /// Signs an attempt at `unix_seconds` with the current secrets of the application, or with the endpoint's `own`. Returns
    /// `None` if the application's secret is needed and unknown.
    pub(crate) fn sign<'a>(
        &'a self,
        body: &'a [u8],
        unix_seconds: u64,
        apps: &AppRegistry,
        own: Option<&SigningKey>,
    ) -> Option<SignedRequest<'a>> {
        let app = apps.signing_key(&self.app);
        Signer::of(app.as_deref(), own).map(|signer| sign(&self.id, unix_seconds, body, signer))
    }

    /// Freezes the batch with `body`, unless it is frozen already. Returns the frozen body.
    pub(crate) fn freeze(&self, body: Vec<u8>) -> &[u8] {
        self.body.get_or_init(|| body)
    }
}

/// The hex digits of a `u64`.
const DIGITS: usize = 16;

/// Generates batch ids: a random prefix for the process, and a counter.
#[derive(Debug, Default)]
pub(crate) struct BatchIds {
    prefix: String,
    made: u64,
}

impl BatchIds {
    /// Creates a generator whose prefix is the random number `boot`.
    pub(crate) fn new(boot: u64) -> Self {
        Self { prefix: format!("msg_{boot:016x}_"), made: 0 }
    }

    /// Returns the next id. It contains no full stop, because Standard Webhooks separates the signed parts with one.
    pub(crate) fn next(&mut self) -> String {
        self.made += 1;
        let mut digits = [0; DIGITS];
        // Cannot fail: the buffer holds all digits.
        let digits = lower::encode_str(&self.made.to_be_bytes(), &mut digits).unwrap_or_default();
        [&self.prefix, digits.trim_start_matches('0')].concat()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::Credentials;
    use super::*;
    use crate::event::{Event, EventKind, Shard};
    use crate::outbox::{Item, Position};
    use crate::secret::Secret;

    fn batch() -> Batch {
        let event = Event { app: "app".into(), channel: "c".into(), time_ms: 1, kind: EventKind::ChannelOccupied };
        let queued = Queued::new(
            Item::Event(event),
            Position { shard: Shard::FIRST, partition: 0, token: 0, seq: 0 },
            Instant::now(),
        );
        Batch::new("app".into(), BatchIds::new(1).next(), vec![Arc::new(queued)])
    }

    fn register(apps: &AppRegistry, secret: &str) {
        apps.register("app".into(), Credentials { key: "key".to_owned(), secret: Secret::new(secret) });
    }

    #[test]
    fn id_and_body_never_change_and_each_attempt_has_its_own_time_and_the_current_secret() {
        let (apps, batch) = (AppRegistry::default(), batch());
        register(&apps, "old");
        assert_eq!(batch.body(), None);
        let body = batch.freeze(batch.encode(0));
        assert_eq!(body, br#"{"time_ms":1,"events":[{"name":"channel_occupied","channel":"c"}]}"#);
        assert_eq!(batch.body(), Some(body));
        let first = batch.sign(body, 1000, &apps, None).unwrap();
        assert_eq!(batch.freeze(b"another".to_vec()), body);
        register(&apps, "new");
        let second = batch.sign(body, 2000, &apps, None).unwrap();
        assert_eq!((second.id, second.body), (first.id, first.body));
        assert_eq!((&*first.timestamp, &*second.timestamp), ("1000", "2000"));
        assert_ne!(second.pusher_signature, first.pusher_signature);
        register(&apps, "old");
        assert_eq!(batch.sign(body, 1000, &apps, None).unwrap(), first);
    }

    #[test]
    fn a_batch_of_an_unknown_application_cannot_be_signed() {
        assert!(batch().sign(b"", 1000, &AppRegistry::default(), None).is_none());
    }

    #[test]
    fn ids_differ_within_a_process_and_between_processes() {
        let (mut one, mut other) = (BatchIds::new(1), BatchIds::new(2));
        let ids = [one.next(), one.next(), other.next()];
        assert_eq!(ids, ["msg_0000000000000001_1", "msg_0000000000000001_2", "msg_0000000000000002_1"]);
    }
}
