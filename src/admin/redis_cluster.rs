//! The Redis Cluster that the keys are in, as one of its servers sees it.

use redis::{Connection, RedisResult};
use serde::Serialize;

use crate::redis::{answered, slot_of};

/// The slot of a shard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ShardSlot {
    /// Number of the slot.
    pub slot: u16,
    /// Address of the slot's master.
    pub master: Option<String>,
    /// Addresses of the master's replicas, without the failed ones.
    pub replicas: Vec<String>,
}

/// The servers of a shard's slot, and the failed ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RedisCluster {
    /// The slot of the shard; in the status of a cluster, that of the first one.
    #[serde(flatten)]
    pub slot: ShardSlot,
    /// Addresses of all servers of the cluster that have failed, or that this server cannot reach.
    pub down: Vec<String>,
}

/// A line of the reply to `CLUSTER NODES`: id, address, flags, master, ping, pong, epoch, link, then the slots.
struct NodeLine<'a> {
    id: &'a str,
    address: &'a str,
    flags: &'a str,
    master: &'a str,
    slots: Vec<&'a str>,
}

impl<'a> NodeLine<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let mut words = line.split(' ');
        let [id, address, flags, master] = [words.next()?, words.next()?, words.next()?, words.next()?];
        // `host:port@bus,hostname`
        let address = address.split('@').next()?;
        Some(Self { id, address, flags, master, slots: words.skip(4).collect() })
    }

    fn is_down(&self) -> bool {
        self.flags.split(',').any(|flag| flag == "fail" || flag == "fail?")
    }

    fn serves(&self, slot: u16) -> bool {
        self.slots.iter().any(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            matches!((first.parse(), last.parse()), (Ok(first), Ok(last)) if (first..=last).contains(&slot))
        })
    }
}

impl RedisCluster {
    /// Queries a server of the cluster about the slots of these prefixes. Empty if the ACL forbids it.
    ///
    /// # Errors
    /// If the connection breaks.
    pub(super) fn ask(redis: &mut Connection, key_prefixes: &[&str]) -> RedisResult<Vec<Self>> {
        let nodes: Option<String> = answered(redis::cmd("CLUSTER").arg("NODES").query(redis))?;
        let Some(nodes) = nodes else { return Ok(Vec::new()) };
        let lines: Vec<NodeLine<'_>> = nodes.lines().filter_map(NodeLine::read).collect();
        Ok(key_prefixes.iter().map(|prefix| Self::read(&lines, slot_of(prefix))).collect())
    }

    fn read(lines: &[NodeLine<'_>], slot: u16) -> Self {
        // A failed master keeps its slots until a replica takes them over.
        let master = lines.iter().find(|line| line.serves(slot));
        let is_replica =
            |line: &&NodeLine<'_>| master.is_some_and(|master| line.master == master.id) && !line.is_down();
        let address = |line: &NodeLine<'_>| line.address.to_owned();
        let replicas = lines.iter().filter(is_replica).map(address).collect();
        Self {
            slot: ShardSlot { slot, master: master.map(address), replicas },
            down: lines.iter().filter(|line| line.is_down()).map(address).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_of_the_slot_and_the_failed_ones_are_found() {
        let nodes = "aa 127.0.0.1:7000@17000,a myself,master - 0 0 1 connected 0-5460 [93->-bb]\n\
                     bb 10.0.0.2:7001@17001 master - 0 1 2 connected 5461 5463-10922\n\
                     cc 10.0.0.3:7002@17002 slave bb 0 1 2 connected\n\
                     dd 10.0.0.4:7003@17003 slave,fail bb 0 1 2 disconnected\n\
                     ee 10.0.0.5:7004@17004 master,fail? - 0 1 3 connected 10923-16383\n";
        let lines: Vec<NodeLine<'_>> = nodes.lines().filter_map(NodeLine::read).collect();
        let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let down = list(&["10.0.0.4:7003", "10.0.0.5:7004"]);
        let master = Some("10.0.0.2:7001".to_owned());
        let replicas = list(&["10.0.0.3:7002"]);
        for slot in [5461, 5463, 10_922] {
            let slot_of_lines = ShardSlot { slot, master: master.clone(), replicas: replicas.clone() };
            let found = RedisCluster { slot: slot_of_lines, down: down.clone() };
            assert_eq!(RedisCluster::read(&lines, slot), found);
        }
        let unserved = ShardSlot { slot: 5462, ..ShardSlot::default() };
        assert_eq!(RedisCluster::read(&lines, 5462), RedisCluster { slot: unserved, down });
    }
}
