//! The end of a run: everything works again, and nothing is left under way.

use std::time::Duration;

use redis::{Commands, RedisResult};

use crate::crowd::Crowd;
use crate::now;
use crate::schedule::{FLUSH_INTERVAL, Kind, NODES};
use crate::servers::Failure;
use crate::stage::{Running, Stage};

/// How long the cluster may take to come to rest: leases lapse, retries back off.
const SETTLING: u64 = 60_000;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Partitions of the outbox.
const PARTITIONS: usize = 16;

impl Stage {
    /// Ends all faults and waits until nothing is under way. Returns what still was when time was up.
    pub(crate) fn come_to_rest(&mut self) -> Option<String> {
        self.note("the script is over");
        self.receiver.be_well();
        // After a failover, the old master stays as it is: who is still connected to it hears nothing any more.
        if !matches!(self.redis.failure(), Some((Failure::FailedOver, _))) {
            self.mend_redis();
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
                let last_word = Crowd::new(place, node.life).last_word();
                self.tell(place, last_word);
            }
        }
        loop {
            let under_way = self.under_way().unwrap_or_else(|error| Some(format!("Redis cannot tell: {error}")));
            let Some(under_way) = under_way else {
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

    /// What is not done yet, if anything.
    pub(crate) fn under_way(&self) -> RedisResult<Option<String>> {
        let mut lines = Vec::new();
        let mut redis = self.redis.connect();
        let nodes: usize = redis.zcard("wh:nodes")?;
        if nodes != self.places.iter().flatten().count() {
            lines.push(format!("{nodes} nodes have a lease"));
        }
        for partition in 0..PARTITIONS {
            let events: usize = redis.xlen(format!("wh:out:{partition}"))?;
            let batches: usize = redis.hlen(format!("wh:inflight:{partition}"))?;
            if events + batches > 0 {
                let owner: Option<String> = redis.hget("wh:owners", partition)?;
                lines.push(format!("{events} events and {batches} batches in partition {partition} of {owner:?}"));
            }
        }
        for Running { node, .. } in self.places.iter().flatten() {
            if !node.is_judged() {
                lines.push(format!("orders of life {} are not judged", node.life));
            }
        }
        Ok((!lines.is_empty()).then(|| lines.join("\n  ")))
    }
}
