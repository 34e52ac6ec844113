//! A batch: the events of one lane that are sent in one POST.

use std::sync::{Arc, OnceLock};

use base16ct::lower;

use super::AppRegistry;
use super::signature::{SignedRequest, sign};
use super::signing_key::{Signer, SigningKey};
use crate::config::Payload;
use crate::event::AppId;
use crate::outbox::{InFlightBatch, Queued, Redelivery, body, redelivery_of};

/// The events of one POST, under one id. Id and body are frozen before the first attempt, once the outbox has persisted
/// them. Each attempt is signed when it is made.
#[derive(Debug)]
pub(crate) struct Batch {
    app: AppId,
    id: String,
    events: Vec<Arc<Queued>>,
    payload: Payload,
    body: OnceLock<Vec<u8>>,
}

impl Batch {
    /// Makes a batch of `events`, all of `app`.
    pub(crate) fn new(app: AppId, id: String, events: Vec<Arc<Queued>>) -> Self {
        debug_assert!(events.iter().all(|queued| *queued.item.app() == app), "applications never share a batch");
        Self { app, id, events, payload: Payload::default(), body: OnceLock::new() }
    }

    /// Sets the payload of each event.
    pub(crate) fn with_payload(self, payload: Payload) -> Self {
        Self { payload, ..self }
    }

    /// A batch that another node had in flight.
    pub(crate) fn inherited(flight: InFlightBatch) -> Self {
        let InFlightBatch { lane, id, body, events } = flight;
        Self { app: lane.app, id, events, payload: Payload::default(), body: body.into() }
    }

    /// The body, once frozen.
    pub(crate) fn body(&self) -> Option<&[u8]> {
        self.body.get().map(Vec::as_slice)
    }

    /// `webhook-id`.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The events, oldest first.
    pub(crate) fn events(&self) -> &[Arc<Queued>] {
        &self.events
    }

    /// The dead letter that it retries, if it does.
    pub(crate) fn redelivery(&self) -> Option<&Redelivery> {
        redelivery_of(&self.events)
    }

    /// Encodes the events as JSON. `origin` identifies their outbox.
    pub(crate) fn encode(&self, origin: u64) -> Vec<u8> {
        body::encode(&self.events, self.payload, origin)
    }

    /// Signs an attempt at `unix_seconds` with the current secrets, those of the application or the endpoint's `own`. `None`
    /// while the application is needed and unknown.
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

    /// Freezes the batch with this `body`, if it is not frozen yet. Returns the frozen body.
    pub(crate) fn freeze(&self, body: Vec<u8>) -> &[u8] {
        self.body.get_or_init(|| body)
    }
}

/// The most digits of a number.
const DIGITS: usize = 16;

/// Makes batch ids: a random prefix of the process, and a counter.
#[derive(Debug)]
pub(crate) struct BatchIds {
    prefix: String,
    made: u64,
}

impl BatchIds {
    /// Makes ids with a prefix of the random number `boot`.
    pub(crate) fn new(boot: u64) -> Self {
        Self { prefix: format!("msg_{boot:016x}_"), made: 0 }
    }

    /// The next id. It has no full stop, which separates the signed parts in Standard Webhooks.
    pub(crate) fn next(&mut self) -> String {
        self.made += 1;
        let mut digits = [0; DIGITS];
        // The buffer has room for all digits.
        let digits = lower::encode_str(&self.made.to_be_bytes(), &mut digits).unwrap_or_default();
        [&self.prefix, digits.trim_start_matches('0')].concat()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::Credentials;
    use super::*;
    use crate::event::{Event, EventKind};
    use crate::outbox::{Item, Position};
    use crate::secret::Secret;

    fn batch() -> Batch {
        let event = Event { app: "app".into(), channel: "c".into(), time_ms: 1, kind: EventKind::ChannelOccupied };
        let queued = Queued::new(Item::Event(event), Position { partition: 0, token: 0, seq: 0 }, Instant::now());
        Batch::new("app".into(), BatchIds::new(1).next(), vec![Arc::new(queued)])
    }

    fn register(apps: &AppRegistry, secret: &str) {
        apps.register("app".into(), Credentials { key: "key".to_owned(), secret: Secret::new(secret) });
    }

    #[test]
    fn a_batch_keeps_id_and_body_and_each_attempt_has_its_own_time_and_the_secret_of_that_moment() {
        let (apps, batch) = (AppRegistry::default(), batch());
        register(&apps, "old");
        let body = batch.freeze(batch.encode(0));
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
