//! Deletes keys of presence, one at a time, and waits until the nodes have restored each.
//!
//! Edges between the deletion and the repair follow from what is left in Redis. So the script pauses, everything works, dead
//! nodes are reaped, and nodes only join and leave a channel of the other application meanwhile. Every event before, during
//! and after must be right.

use std::collections::BTreeSet;
use std::time::Duration;

use redis::{Commands, Connection, RedisResult};

use crate::crowd::APPS;
use crate::history::{Key, What};
use crate::now;
use crate::order::Order;
use crate::schedule::NODES;
use crate::stage::{Running, Stage};

/// The longest wait for order (ms): a node was killed, its lease lapses, and other nodes may reap it.
const IN_ORDER: u64 = 15_000;

/// The longest time until the key is restored (ms): nodes compare their holds every second, and renew their leases as often.
const PUT_BACK: u64 = 10_000;

/// Keys that are lost in a row.
const KEYS: u32 = 3;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Names or prefixes of the keys that nodes restore.
const KINDS: [&str; 8] = [
    "wh:channels:",
    "wh:users:",
    "wh:held_users:",
    "wh:held_channels:",
    "wh:reply:",
    "wh:nodes",
    "wh:epoch",
    "wh:owners",
];

impl Stage {
    /// Deletes keys that `choice` selects, one after the other, and waits each time until the key is restored.
    pub(crate) fn lose_keys(&mut self, choice: u64) {
        self.mend_redis();
        self.heal();
        (0..KEYS).for_each(|n| self.lose_key(choice.rotate_left(n * 21)));
    }

    fn lose_key(&mut self, choice: u64) {
        if !self.wait_until(IN_ORDER, |stage| stage.ending.is_empty() && stage.is_judged() && stage.is_in_order()) {
            return self.note("no key is deleted: nodes are being reaped");
        }
        let mut redis = self.redis.connect();
        let Some(key) = pick(&mut redis, choice).expect("the keys") else { return };
        // Without the epoch, a node takes the events that it has read for lost and sends them, and then they are read again.
        // Without the owners, several nodes may get the partitions of one batch.
        let is_about_events = key == "wh:epoch" || key == "wh:owners";
        if is_about_events && !self.wait_until(IN_ORDER, |stage| stage.under_way().is_ok_and(|lines| lines.is_none())) {
            return self.note("no key is deleted: events are under way");
        }
        let before = parts(&mut redis, &key).expect("what the key holds");
        self.note(format!("the key {key} is deleted"));
        self.faults.lost_keys += 1;
        let app = if key.contains(APPS[0]) { APPS[1] } else { APPS[0] };
        redis.del::<_, ()>(&key).expect("a deleted key");
        let (mut joined, passers) = (false, if is_about_events { 1 } else { NODES });
        let is_back = self.wait_until(PUT_BACK, |stage| {
            if stage.is_judged() {
                joined = !joined;
                stage.pass_by(app, joined, passers);
            }
            stage.is_in_order() && parts(&mut redis, &key).is_ok_and(|now| now.is_superset(&before))
        });
        if joined {
            self.pass_by(app, false, passers);
        }
        if is_back {
            self.note(format!("the key {key} is back"));
        } else {
            let now = parts(&mut redis, &key).expect("what the key holds");
            let missing: Vec<_> = before.difference(&now).cloned().collect();
            self.stuck.get_or_insert(format!("the key {key} was deleted, and {missing:?} not put back"));
        }
    }

    /// Makes one more socket on that many nodes join a channel of its node, or leave it.
    fn pass_by(&mut self, app: &str, joins: bool, nodes: usize) {
        for place in (0..NODES).filter(|place| self.places[*place].is_some()).take(nodes).collect::<Vec<_>>() {
            let Some(Running { node, .. }) = &self.places[place] else { continue };
            let (app, channel, socket) =
                (app.to_owned(), format!("passers-{}", node.life), format!("{}.by-{app}", node.life));
            let asked = vec![(Key { app: app.clone(), channel: channel.clone(), user: None }, What::Hold(joins))];
            let order = if joins {
                Order::Subscribe { app, channel, socket, user: None }
            } else {
                Order::Unsubscribe { app, channel, socket }
            };
            self.tell(place, (order, asked));
        }
    }

    /// Returns true if exactly the running nodes have a lease, and edges are decided.
    fn is_in_order(&self) -> bool {
        let nodes = self.places.iter().flatten().count();
        let settled = |redis: &mut Connection| -> RedisResult<bool> {
            let leases: usize = redis.zcount("wh:nodes", 0, "+inf")?;
            let settling: Option<String> = redis.hget("wh:epoch", "settling")?;
            Ok(leases == nodes
                && redis.zcard::<_, usize>("wh:nodes")? == nodes
                && settling.is_some_and(|id| id.is_empty()))
        };
        settled(&mut self.redis.connect()).unwrap_or_default()
    }

    /// Returns true if Redis has judged every order.
    fn is_judged(&self) -> bool {
        self.places.iter().flatten().all(|running| running.node.is_judged())
    }

    fn wait_until(&mut self, patience: u64, mut holds: impl FnMut(&mut Self) -> bool) -> bool {
        let deadline = now() + patience;
        while !holds(self) {
            if now() > deadline {
                return false;
            }
            self.tick();
            std::thread::sleep(LOOK_EVERY);
        }
        true
    }
}

/// Selects an existing key. All kinds are equally likely.
fn pick(redis: &mut Connection, choice: u64) -> RedisResult<Option<String>> {
    let nodes: Vec<String> = redis.zrange("wh:nodes", 0, -1)?;
    let mut keys: Vec<String> = redis.keys("wh:*")?;
    keys.sort();
    // Nobody restores the last reply of a dead node.
    keys.retain(|key| key.strip_prefix("wh:reply:").is_none_or(|node| nodes.iter().any(|known| known == node)));
    let of_kind = |kind: &str| keys.iter().filter(|key| key.starts_with(kind)).cloned().collect::<Vec<_>>();
    let kinds: Vec<Vec<String>> = KINDS.iter().map(|kind| of_kind(kind)).filter(|keys| !keys.is_empty()).collect();
    let at = |choice: u64, count: usize| usize::try_from(choice).unwrap_or_default().checked_rem(count);
    let kind = at(choice >> 32, kinds.len()).map(|at| &kinds[at]);
    Ok(kind.and_then(|keys| Some(keys[at(choice & 0xffff_ffff, keys.len())?].clone())))
}

/// Lists what must be in the key again: members, fields, and the nodes of a hold set.
fn parts(redis: &mut Connection, key: &str) -> RedisResult<BTreeSet<String>> {
    let kind: String = redis::cmd("TYPE").arg(key).query(redis)?;
    Ok(match kind.as_str() {
        "set" => redis.smembers(key)?,
        "zset" => redis.zrange::<_, Vec<String>>(key, 0, -1)?.into_iter().collect(),
        // Nodes with and without an identity register with the epoch, which makes a difference for the rest.
        "hash" if key == "wh:epoch" => BTreeSet::from(["id".to_owned()]),
        "hash" => {
            let is_hold_set = key.starts_with("wh:channels:") || key.starts_with("wh:users:");
            let mut fields: Vec<(String, String)> = redis.hgetall(key)?;
            // Engines without PHP have no identity to write to `owners`.
            fields.retain(|(field, _)| key != "wh:owners" || field != "cluster");
            let parts = |(field, value): (String, String)| {
                if is_hold_set { value.split('|').map(|node| format!("{field}|{node}")).collect() } else { vec![field] }
            };
            fields.into_iter().flat_map(parts).collect()
        }
        _ => BTreeSet::new(),
    })
}
