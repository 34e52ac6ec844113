//! A batch: the events of one lane that travel in one POST.

use std::sync::{Arc, OnceLock};

use super::{body, signature};
use crate::apps::AppDirectory;
use crate::names::AppId;
use crate::outbox::Queued;

/// The events of one POST, under one id. Frozen at its first attempt.
#[derive(Debug)]
pub(crate) struct Batch {
    app: AppId,
    id: String,
    events: Vec<Arc<Queued>>,
    frozen: OnceLock<Frozen>,
}

/// What a batch looks like on the wire. It never changes again: a retry repeats body, id and signatures, so that a
/// receiver can tell a retry from news.
#[derive(Debug)]
pub(crate) struct Frozen {
    /// The JSON, as signed.
    pub(crate) body: Vec<u8>,
    /// `X-Pusher-Key`.
    pub(crate) key: String,
    /// `X-Pusher-Signature`.
    pub(crate) pusher_signature: String,
    /// `webhook-timestamp`, in Unix seconds.
    pub(crate) timestamp: String,
    /// `webhook-signature`.
    pub(crate) standard_signature: String,
}

impl Batch {
    /// Makes a batch of `events`, all of `app`.
    pub(crate) fn new(app: AppId, id: String, events: Vec<Arc<Queued>>) -> Self {
        debug_assert!(events.iter().all(|queued| queued.event.app == app), "applications never share a batch");
        Self { app, id, events, frozen: OnceLock::new() }
    }

    /// `webhook-id`.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The events, oldest first.
    pub(crate) fn events(&self) -> &[Arc<Queued>] {
        &self.events
    }

    /// The batch as it goes over the wire. The first call encodes and signs it, at `unix_seconds`; later calls return
    /// the same. `None` while the application's credentials are unknown.
    pub(crate) fn freeze(&self, apps: &AppDirectory, unix_seconds: u64) -> Option<&Frozen> {
        if let Some(frozen) = self.frozen.get() {
            return Some(frozen);
        }
        let credentials = apps.credentials(&self.app)?;
        Some(self.frozen.get_or_init(|| {
            let body = body::encode(&self.events);
            let timestamp = unix_seconds.to_string();
            Frozen {
                pusher_signature: signature::pusher(&body, &credentials.secret),
                standard_signature: signature::standard_webhooks(&self.id, &timestamp, &body, &credentials.secret),
                key: credentials.key.clone(),
                timestamp,
                body,
            }
        }))
    }
}

/// Makes the ids of batches: unique over processes by a random prefix, within one by a counter.
#[derive(Debug)]
pub(crate) struct BatchIds {
    boot: u64,
    made: u64,
}

impl BatchIds {
    /// Ids of a process that drew `boot`.
    pub(crate) const fn new(boot: u64) -> Self {
        Self { boot, made: 0 }
    }

    /// The next id. Without a full stop, which Standard Webhooks uses to separate the parts of what it signs.
    pub(crate) fn next(&mut self) -> String {
        self.made += 1;
        format!("msg_{:016x}_{:x}", self.boot, self.made)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::apps::Credentials;
    use crate::event::{Event, EventKind};
    use crate::outbox::Position;
    use crate::secret::Secret;

    fn batch() -> Batch {
        let event = Event { app: "app".into(), channel: "c".into(), time_ms: 1, kind: EventKind::ChannelOccupied };
        let queued = Queued::new(event, Position { partition: 0, seq: 0 }, Instant::now());
        Batch::new("app".into(), BatchIds::new(1).next(), vec![Arc::new(queued)])
    }

    fn register(apps: &AppDirectory, secret: &str) {
        apps.register("app".into(), Credentials { key: "key".to_owned(), secret: Secret::new(secret) });
    }

    #[test]
    fn a_batch_keeps_its_body_time_and_signatures_when_the_secret_rotates_between_attempts() {
        let (apps, batch) = (AppDirectory::default(), batch());
        register(&apps, "old");
        let first = batch.freeze(&apps, 1000).unwrap();
        let (signature, standard) = (first.pusher_signature.clone(), first.standard_signature.clone());
        register(&apps, "new");
        let second = batch.freeze(&apps, 2000).unwrap();
        assert_eq!((&second.pusher_signature, &second.standard_signature), (&signature, &standard));
        assert_eq!(second.timestamp, "1000");
    }

    #[test]
    fn a_batch_of_an_unknown_application_cannot_be_frozen() {
        assert!(batch().freeze(&AppDirectory::default(), 1000).is_none());
    }

    #[test]
    fn ids_differ_within_a_process_and_between_processes() {
        let (mut one, mut other) = (BatchIds::new(1), BatchIds::new(2));
        let ids = [one.next(), one.next(), other.next()];
        assert_eq!(ids, ["msg_0000000000000001_1", "msg_0000000000000001_2", "msg_0000000000000002_1"]);
    }
}
