//! Deletes keys of presence, one at a time, and waits until the nodes have restored each.
//!
//! Edges between the deletion and the repair depend on what is left in Redis. So before it deletes a key, the script
//! pauses until everything works and dead nodes are reaped. Meanwhile nodes only join and leave a channel of the other
//! application. Every event before, during and after must be right.

use std::collections::BTreeSet;
use std::time::Duration;

use redis::{Commands, Connection, RedisResult};

use crate::clients::APPS;
use crate::history::{Key, What};
use crate::now;
use crate::order::Order;
use crate::schedule::NODES;
use crate::stage::{Running, Stage};

/// Time in which the cluster must be ready (ms): after a kill, the lease lapses and another node reaps.
const IN_ORDER: u64 = 15_000;

/// Time in which a key must be restored (ms). Nodes compare their holds, and renew their leases, every second.
const RESTORED_WITHIN: u64 = 10_000;

/// Keys deleted in one go.
const KEYS: u32 = 3;

/// Interval between checks.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Names of the keys that nodes restore, or how the names begin.
const KINDS: [&str; 8] = ["channels:", "users:", "held_users:", "held_channels:", "reply:", "nodes", "epoch", "owners"];

impl Stage {
    /// Deletes keys selected by `choice`, one after the other, and waits each time until the key is restored.
    pub(crate) fn lose_keys(&mut self, choice: u64, shard: u8) {
        self.repair_redis();
        self.heal();
        (0..KEYS).for_each(|n| self.lose_key(choice.rotate_left(n * 21), shard));
    }

    fn lose_key(&mut self, choice: u64, shard: u8) {
        if !self.wait_until(IN_ORDER, |stage| stage.ending.is_empty() && stage.is_decided() && stage.is_in_order()) {
            return self.note("no key deleted: nodes are being reaped");
        }
        let (mut redis, prefix) = (self.redis.connect(shard), self.redis.prefix(shard));
        let Some(name) = pick(&mut redis, &prefix, choice).expect("the keys") else { return };
        let key = format!("{prefix}:{name}");
        // Without `epoch`, a node treats the events that it has read as lost and sends them; then they are read again.
        // Without `owners`, the partitions of one batch may go to several nodes.
        let is_about_events = name == "epoch" || name == "owners";
        if is_about_events && !self.wait_until(IN_ORDER, |stage| stage.under_way().is_ok_and(|lines| lines.is_none())) {
            return self.note("no key deleted: events are under way");
        }
        let before = parts(&mut redis, &prefix, &name).expect("the content of the key");
        self.note(format!("deleted the key {key}"));
        self.faults.lost_keys += 1;
        let app = if key.contains(APPS[0]) { APPS[1] } else { APPS[0] };
        redis.del::<_, ()>(&key).expect("a successful DEL");
        let (mut joined, passers) = (false, if is_about_events { 1 } else { NODES });
        let is_back = self.wait_until(RESTORED_WITHIN, |stage| {
            if stage.is_decided() {
                joined = !joined;
                stage.visit(app, shard, joined, passers);
            }
            stage.is_in_order() && parts(&mut redis, &prefix, &name).is_ok_and(|now| now.is_superset(&before))
        });
        if joined {
            self.visit(app, shard, false, passers);
        }
        if is_back {
            self.note(format!("the key {key} is restored"));
        } else {
            let now = parts(&mut redis, &prefix, &name).expect("the content of the key");
            let missing: Vec<_> = before.difference(&now).cloned().collect();
            self.stuck.get_or_insert(format!("the key {key} was deleted, and {missing:?} was not restored"));
        }
    }

    /// Lets a socket on that many nodes join or leave a channel of its own node in this shard.
    fn visit(&mut self, app: &str, shard: u8, joins: bool, nodes: usize) {
        for place in (0..NODES).filter(|place| self.places[*place].is_some()).take(nodes).collect::<Vec<_>>() {
            let Some(Running { node, .. }) = &self.places[place] else { continue };
            let (key, socket) =
                (passers_key(app, node.life, shard, self.redis.shards()), format!("{}.by-{app}", node.life));
            let (app, channel, asked) = (key.app.clone(), key.channel.clone(), vec![(key, What::Hold(joins))]);
            let order = if joins {
                Order::Subscribe { app, channel, socket, user: None }
            } else {
                Order::Unsubscribe { app, channel, socket }
            };
            self.tell(place, (order, asked));
        }
    }

    /// Returns true if exactly the running nodes have a lease, and Redis decides edges, in every shard.
    fn is_in_order(&self) -> bool {
        let nodes = self.places.iter().flatten().count();
        let settled = |shard: u8| -> RedisResult<bool> {
            let (mut redis, prefix) = (self.redis.connect(shard), self.redis.prefix(shard));
            let (leases, epoch) = (format!("{prefix}:nodes"), format!("{prefix}:epoch"));
            let settling: Option<String> = redis.hget(epoch, "settling")?;
            Ok(redis.zcount::<_, _, _, usize>(&leases, 0, "+inf")? == nodes
                && redis.zcard::<_, usize>(&leases)? == nodes
                && settling.is_some_and(|id| id.is_empty()))
        };
        (0..self.redis.shards()).all(|shard| settled(shard).unwrap_or_default())
    }

    /// Returns true if every order is decided.
    fn is_decided(&self) -> bool {
        self.places.iter().flatten().all(|running| running.node.is_decided())
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

/// Returns the key of a channel that only this node has, in this shard.
fn passers_key(app: &str, life: usize, shard: u8, shards: u8) -> Key {
    let key = |n| Key { app: app.to_owned(), channel: format!("passers-{life}-{n}"), user: None };
    (0..1000).map(key).find(|key| key.shard(shards.into()) == usize::from(shard)).expect("a channel in the shard")
}

/// Selects an existing key. All kinds are equally likely. Returns its name without the prefix.
fn pick(redis: &mut Connection, prefix: &str, choice: u64) -> RedisResult<Option<String>> {
    let nodes: Vec<String> = redis.zrange(format!("{prefix}:nodes"), 0, -1)?;
    let keys: Vec<String> = redis.keys(format!("{prefix}:*"))?;
    let mut keys: Vec<&str> = keys.iter().filter_map(|key| key.strip_prefix(prefix)?.strip_prefix(':')).collect();
    keys.sort_unstable();
    // The last reply of a dead node is never restored.
    keys.retain(|key| key.strip_prefix("reply:").is_none_or(|node| nodes.iter().any(|known| known == node)));
    let of_kind = |kind: &str| keys.iter().filter(|key| key.starts_with(kind)).copied().collect::<Vec<_>>();
    let kinds: Vec<Vec<&str>> = KINDS.iter().map(|kind| of_kind(kind)).filter(|keys| !keys.is_empty()).collect();
    let at = |choice: u64, count: usize| usize::try_from(choice).unwrap_or_default().checked_rem(count);
    let kind = at(choice >> 32, kinds.len()).map(|at| &kinds[at]);
    Ok(kind.and_then(|keys| Some(keys[at(choice & 0xffff_ffff, keys.len())?].to_owned())))
}

/// Lists what must be in the key again: members, fields, or the nodes of a hold set.
fn parts(redis: &mut Connection, prefix: &str, name: &str) -> RedisResult<BTreeSet<String>> {
    let key = format!("{prefix}:{name}");
    let kind: String = redis::cmd("TYPE").arg(&key).query(redis)?;
    Ok(match kind.as_str() {
        "set" => redis.smembers(key)?,
        "zset" => redis.zrange::<_, Vec<String>>(key, 0, -1)?.into_iter().collect(),
        // A node with an identity registers it with the epoch, one without does not. So only the id is compared.
        "hash" if name == "epoch" => BTreeSet::from(["id".to_owned()]),
        "hash" => {
            let is_hold_set = name.starts_with("channels:") || name.starts_with("users:");
            let mut fields: Vec<(String, String)> = redis.hgetall(key)?;
            // Engines without PHP have no identity to write to `owners`.
            fields.retain(|(field, _)| name != "owners" || field != "cluster");
            let parts = |(field, value): (String, String)| {
                if is_hold_set { value.split('|').map(|node| format!("{field}|{node}")).collect() } else { vec![field] }
            };
            fields.into_iter().flat_map(parts).collect()
        }
        _ => BTreeSet::new(),
    })
}
