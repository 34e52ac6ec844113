//! End of a run: all faults end, and everything under way completes.

use std::time::Duration;

use redis::{Commands, RedisResult};
use resonate_webhooks::admin::Presence;
use resonate_webhooks::config::Config;
use resonate_webhooks::event::PARTITIONS;
use serde_json::json;

use crate::clients::{Clients, ROOMS};
use crate::now;
use crate::schedule::{FLUSH_INTERVAL, Kind, NODES};
use crate::servers::{Failing, Failure};
use crate::stage::{Running, Stage};

/// Time in which the cluster must come to rest (ms): leases lapse, retries back off.
const SETTLING: u64 = 60_000;

/// Interval between checks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

impl Stage {
    /// Ends all faults and waits until nothing is under way. Returns what still is after `SETTLING`.
    pub(crate) fn come_to_rest(&mut self) -> Option<String> {
        self.note("the script has ended");
        self.receiver.succeed_always();
        // After a failover the old master is not repaired. It would send nothing to nodes that are still connected to
        // it.
        if !matches!(self.redis.failing(), Some(Failing { failure: Failure::FailedOver(_), .. })) {
            self.repair_redis();
        }
        self.heal();
        for place in 0..NODES {
            if self.places[place].is_none() {
                self.start_node(place, Kind::Engine, FLUSH_INTERVAL);
            }
        }
        let (begun, deadline) = (now(), now() + SETTLING);
        while !self.ending.is_empty() {
            self.tick();
            std::thread::sleep(LOOK_EVERY);
        }
        for place in 0..NODES {
            if let Some(Running { node, .. }) = &self.places[place] {
                for asked in Clients::new(place, node.life, ROOMS).final_subscribes() {
                    self.tell(place, asked);
                }
            }
        }
        let presence = self.presence();
        loop {
            let under_way = self.under_way().unwrap_or_else(|error| Some(format!("cannot read from Redis: {error}")));
            let Some(under_way) = under_way.or_else(|| self.wrong_answer(&presence)) else {
                self.faults.rest = now() - begun;
                return None;
            };
            if now() > deadline {
                self.faults.rest = now() - begun;
                self.note(under_way.clone());
                return Some(under_way);
            }
            self.tick();
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Returns a reader of presence, with no fault between it and Redis.
    fn presence(&self) -> Presence {
        let config = json!({
            "connection": self.redis.connection(&self.redis.ports()),
            "endpoints": self.endpoints(),
        });
        Presence::of(Config::from_value(config).expect("a valid config")).expect("a reader")
    }

    /// Describes the first answer about presence that is not true, if there is one.
    fn wrong_answer(&self, presence: &Presence) -> Option<String> {
        self.present.difference(presence, self.counted).unwrap_or_else(|error| Some(error.to_string()))
    }

    /// Describes what is still under way, if anything is.
    pub(crate) fn under_way(&self) -> RedisResult<Option<String>> {
        let mut lines = Vec::new();
        for shard in 0..self.redis.shards() {
            let (mut redis, prefix) = (self.redis.connect(shard), self.redis.prefix(shard));
            let nodes: usize = redis.zcard(format!("{prefix}:nodes"))?;
            if nodes != self.places.iter().flatten().count() {
                lines.push(format!("{nodes} nodes have a lease in shard {shard}"));
            }
            for (partition, events) in (0..PARTITIONS).zip(self.outbox_lengths(shard)?) {
                let batches: usize = redis.hlen(format!("{prefix}:inflight:{partition}"))?;
                if events + batches > 0 {
                    let owner: Option<String> = redis.hget(format!("{prefix}:owners"), partition)?;
                    lines.push(format!("{events} events and {batches} batches in {prefix}:{partition} of {owner:?}"));
                }
            }
        }
        for Running { node, .. } in self.places.iter().flatten() {
            if !node.is_decided() {
                lines.push(format!("orders of life {} are not decided", node.life));
            }
        }
        Ok((!lines.is_empty()).then(|| lines.join("\n  ")))
    }
}
