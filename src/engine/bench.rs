//! Access for benchmarks to internal parts (cargo feature `bench`). Nothing else uses it.

use std::sync::Arc;
use std::time::Instant;

use crate::delivery::{AppRegistry, Batch, Credentials, SignedRequest};
use crate::event::{AppId, Event, Shard};
use crate::outbox::redis::codec;
use crate::outbox::{Item, Position, Queued};
use crate::secret::Secret;

pub use super::threadless::ThreadlessEngine;

/// A batch that is encoded and signed.
#[derive(Debug)]
pub struct Signing {
    apps: AppRegistry,
    batch: Batch,
}

impl Signing {
    /// Creates a batch of events of one application, with the secret that signs it.
    #[must_use]
    pub fn new(app: &AppId, events: Vec<Event>, secret: &str) -> Self {
        let apps = AppRegistry::default();
        apps.register(app.clone(), Credentials { key: "key".to_owned(), secret: Secret::new(secret) });
        let queued = events.into_iter().map(|event| Arc::new(queue(event))).collect();
        Self { apps, batch: Batch::new(app.clone(), "msg_0123456789abcdef_1".to_owned(), queued) }
    }

    /// Returns the body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.batch.encode(0)
    }

    /// Returns the request with this body and both signatures. `None` for an application without credentials.
    #[must_use]
    pub fn sign<'a>(&'a self, body: &'a [u8]) -> Option<SignedRequest<'a>> {
        self.batch.sign(body, 1_700_000_000, &self.apps, None)
    }
}

/// Wraps an event for a lane.
#[must_use]
pub fn queue(event: Event) -> Queued {
    Queued::new(Item::Event(event), Position { shard: Shard::FIRST, partition: 0, token: 0, seq: 0 }, Instant::now())
}

/// Decodes an event from Redis.
#[must_use]
pub fn decode_event(text: &[u8], time_ms: u64) -> Option<Event> {
    codec::decode(text, time_ms)
}
