//! The outboxes of all shards as one.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use super::{RedisOutbox, RedisOutboxOptions};
use crate::cluster::SharedMembership;
use crate::config::Config;
use crate::event::Shard;
use crate::outbox::{Acked, DeadLetterId, Handover, LaneId, Outbox, PersistError, Queued};
use crate::redis::Settings;
use crate::telemetry::Telemetry;

/// The part of the time of a flush for which shards without a Redis that replies are waited for.
const UNANSWERED_SHARE: u32 = 4;

/// The outbox of a cluster: one [`RedisOutbox`] per shard, in the order of their numbers.
#[derive(Debug)]
pub(crate) struct ShardedOutbox {
    shards: Vec<Arc<RedisOutbox>>,
    max_events: usize,
}

impl ShardedOutbox {
    /// Starts the outbox of each shard of the cluster in `config`, for a node with these memberships, one per shard.
    ///
    /// # Errors
    /// If the operating system refuses a thread.
    pub(crate) fn start(
        config: &Config,
        settings: &Settings,
        memberships: &[Arc<SharedMembership>],
        telemetry: &Arc<Telemetry>,
    ) -> io::Result<Self> {
        let start = |(shard, membership)| {
            let (options, settings) = (RedisOutboxOptions::of(config, shard), settings.for_shard(config, shard));
            RedisOutbox::start(options, &settings, membership, telemetry)
        };
        let shards = config.shards().zip(memberships).map(start).collect::<io::Result<_>>()?;
        Ok(Self { shards, max_events: config.outbox_max_events })
    }

    /// Sets the function that is called when there is something to take.
    pub(crate) fn on_handover(&self, waker: impl Fn() + Clone + Send + Sync + 'static) {
        for outbox in &self.shards {
            outbox.on_handover(Box::new(waker.clone()));
        }
    }

    /// Ends the threads after a last attempt to write acknowledgements. Returns `false` if one still runs at `deadline`.
    pub(crate) fn stop(&self, deadline: Instant) -> bool {
        self.shards.iter().for_each(|outbox| outbox.acks.stop());
        self.shards.iter().all(|outbox| outbox.wait_until(deadline))
    }

    fn of(&self, shard: Shard) -> Option<&RedisOutbox> {
        self.shards.get(shard.index()).map(Arc::as_ref)
    }
}

impl Outbox for ShardedOutbox {
    fn take(&self) -> Handover {
        let mut shards = self.shards.iter().map(|outbox| outbox.take());
        let mut all = shards.next().unwrap_or_default();
        for Handover { in_flight, revoked, events } in shards {
            all.in_flight.extend(in_flight);
            all.revoked.extend(revoked);
            all.events.extend(events);
        }
        all
    }

    fn max_events(&self) -> usize {
        self.max_events
    }

    fn routed(&self, event: &Queued, lanes: &[LaneId]) {
        if let Some(outbox) = self.of(event.position.shard) {
            outbox.routed(event, lanes);
        }
    }

    fn persist(&self, lane: &LaneId, id: &str, body: &[u8], events: &[Arc<Queued>]) -> Result<(), PersistError> {
        self.of(lane.shard).ok_or(PersistError::Unavailable)?.persist(lane, id, body, events)
    }

    fn confirm(&self, events: &[Arc<Queued>]) -> Result<(), PersistError> {
        let Some(first) = events.first() else { return Ok(()) };
        self.of(first.position.shard).map_or(Ok(()), |outbox| outbox.confirm(events))
    }

    fn dead_letter_body(&self, id: &DeadLetterId) -> Result<Option<Vec<u8>>, PersistError> {
        self.of(id.shard).ok_or(PersistError::Unavailable)?.dead_letter_body(id)
    }

    fn ack(&self, acked: Acked<'_>) {
        if let Some(outbox) = self.of(acked.lane.shard) {
            outbox.ack(acked);
        }
    }

    fn catch_up(&self, deadline: Instant) -> bool {
        let mut awaited: Vec<_> = self.shards.iter().map(|outbox| (outbox, outbox.await_round())).collect();
        // Last, and only a part of the time: the events of the other shards need the rest.
        awaited.sort_by_key(|(outbox, _)| outbox.is_unanswered());
        let several = awaited.len() > 1;
        let mut caught_up = true;
        for (outbox, begun) in awaited {
            let time = deadline.saturating_duration_since(Instant::now());
            let shortened = several && outbox.is_unanswered();
            let until = if shortened { Instant::now() + time / UNANSWERED_SHARE } else { deadline };
            caught_up &= outbox.catch_up(begun, until);
        }
        caught_up
    }

    fn flush_acks(&self, deadline: Instant) {
        for outbox in &self.shards {
            outbox.acks.wait_until_written(deadline);
        }
    }

    fn origin(&self, shard: Shard) -> u64 {
        self.of(shard).map(RedisOutbox::origin).unwrap_or_default()
    }

    fn queued(&self) -> usize {
        self.shards.iter().map(|outbox| outbox.ownership.lock().outstanding()).sum()
    }
}
