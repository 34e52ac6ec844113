//! A property test of random courses of events on one presence channel, with any graces. Edges alternate, members are
//! within their channel, and at rest the last edge is the truth.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

const ROOM: &str = "presence-a";
const USERS: [&str; 3] = ["7", "8", "9"];
/// Graces from which each node draws one (ms).
const GRACES: [u64; 4] = [0, 20, 50, 50];

#[derive(Clone, Debug)]
enum Step {
    /// (node, user): the user joins the node, or leaves it if it has joined.
    Toggle(Index, Index),
    /// (node, most changes, twice): the node sends changes. With `twice` it sends the same batch again.
    Send(Index, usize, bool),
    /// Time passes (ms).
    Pass(i64),
    /// The node dies and is reaped.
    Die(Index),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (any::<Index>(), any::<Index>()).prop_map(|(node, user)| Step::Toggle(node, user)),
        6 => (any::<Index>(), 0..4_usize, any::<bool>()).prop_map(|(node, most, twice)| Step::Send(node, most, twice)),
        3 => (1..60_i64).prop_map(Step::Pass),
        1 => any::<Index>().prop_map(Step::Die),
    ]
}

struct Node {
    id: NodeId,
    grace: Duration,
    users: BTreeSet<&'static str>,
    unsent: VecDeque<Claim>,
}

/// The cluster, and the receiver's view of it.
struct Course {
    cluster: Cluster,
    ids: u32,
    nodes: Vec<Node>,
    /// The channel and the users, by name, and whether their last event began them.
    open: BTreeMap<String, bool>,
}

impl Course {
    fn start(cluster: Cluster, graces: &[Index]) -> Self {
        let mut course = Self { cluster, ids: 0, nodes: Vec::new(), open: BTreeMap::new() };
        for grace in graces {
            let grace = Duration::from_millis(*grace.get(&GRACES));
            let id = course.new_id();
            course.nodes.push(Node { id, grace, users: BTreeSet::new(), unsent: VecDeque::new() });
        }
        course
    }

    fn new_id(&mut self) -> NodeId {
        self.ids += 1;
        self.cluster.node(self.ids)
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Toggle(node, user) => self.toggle(node.index(self.nodes.len()), USERS[user.index(USERS.len())]),
            Step::Send(node, most, twice) => self.send(node.index(self.nodes.len()), *most, *twice),
            Step::Pass(ms) => self.pass(*ms),
            Step::Die(node) => self.die(node.index(self.nodes.len())),
        }
    }

    fn toggle(&mut self, node: usize, id: &'static str) {
        let node = &mut self.nodes[node];
        let (room, member) = (channel("app", ROOM), user("app", ROOM, id));
        if node.users.remove(id) {
            node.unsent.push_back(Claim::leave(member));
            node.unsent.extend(node.users.is_empty().then(|| Claim::leave(room)));
        } else {
            node.unsent.extend(node.users.is_empty().then(|| Claim::join(room)));
            node.unsent.push_back(Claim::join(member));
            node.users.insert(id);
        }
    }

    fn send(&mut self, node: usize, most: usize, twice: bool) {
        let Node { id, grace, unsent, .. } = &mut self.nodes[node];
        self.cluster.keys.grace = *grace;
        let claims: Vec<Claim> = unsent.drain(..most.min(unsent.len())).collect();
        let id = id.clone();
        let verdict = self.cluster.claim(&id, &claims).unwrap();
        if twice {
            let again = self.cluster.claim_as(&id, self.cluster.batches[&id], &claims).unwrap();
            assert_eq!(again.edges, verdict.edges);
        }
        self.receive();
    }

    /// Advances Redis' timers.
    fn pass(&mut self, ms: i64) {
        let due: Vec<Vec<u8>> =
            redis::cmd("ZRANGE").arg("wh:due").arg(0).arg(-1).query(&mut self.cluster.redis).unwrap();
        for hold in due {
            redis::cmd("ZINCRBY").arg("wh:due").arg(-ms).arg(hold).exec(&mut self.cluster.redis).unwrap();
        }
    }

    /// Kills a node. Its users do not come back, and its unsent changes are lost.
    fn die(&mut self, dead: usize) {
        let id = self.new_id();
        let node = &mut self.nodes[dead];
        node.users.clear();
        node.unsent.clear();
        let dead = std::mem::replace(&mut node.id, id);
        self.cluster.lapse(&dead);
        loop {
            let reaped = self.cluster.reap(&dead).unwrap();
            self.receive();
            if reaped.finished {
                break;
            }
        }
    }

    /// Takes the events that were appended since the last call.
    fn receive(&mut self) {
        self.cluster.take_events().iter().for_each(|event| self.see(event));
    }

    fn see(&mut self, event: &str) {
        let (kind, what) = event.split_once(' ').unwrap();
        let begins = ["occupied", "added"].contains(&kind);
        let what = what.split_once('/').map_or(what, |(_, user)| user).to_owned();
        let before = self.open.insert(what.clone(), begins).unwrap_or_default();
        assert_ne!(before, begins, "{what} began or ended twice");
        let inside = self.open.iter().any(|(name, open)| name != ROOM && *open);
        assert!(!inside || self.open[ROOM], "{what}: a member is on a vacated channel");
    }

    /// Sends everything, ends every grace and compares the events with the truth.
    fn rest(&mut self) {
        for node in 0..self.nodes.len() {
            self.send(node, usize::MAX, false);
        }
        self.pass(10_000);
        self.send(0, 0, false);
        let there = |id: &str| self.nodes.iter().any(|node| node.users.contains(id));
        for id in USERS {
            assert_eq!(self.open.get(id).copied().unwrap_or_default(), there(id), "user {id}");
        }
        let is_occupied = USERS.iter().any(|id| there(id));
        assert_eq!(self.open.get(ROOM).copied().unwrap_or_default(), is_occupied, "the channel");
    }

    fn end(&mut self) {
        for node in 0..self.nodes.len() {
            for id in self.nodes[node].users.clone() {
                self.toggle(node, id);
            }
        }
        self.rest();
        let left: Vec<String> = self.cluster.all_keys();
        let ours = |key: &&String| ["channels", "users", "held", "due"].iter().any(|kind| key.contains(kind));
        assert_eq!(left.iter().find(ours), None);
        assert!(self.open.values().all(|open| !open));
    }
}

#[test]
fn edges_alternate_and_end_at_the_truth_in_any_course() {
    let server = RedisServer::start();
    proptest!(ProptestConfig::with_cases(300), |(
        graces in prop::collection::vec(any::<Index>(), 1..4),
        steps in prop::collection::vec(step(), 1..60),
    )| {
        let mut redis = server.connect();
        redis::cmd("FLUSHALL").exec(&mut redis).unwrap();
        let mut course = Course::start(Cluster::on(&server), &graces);
        for step in &steps {
            course.take(step);
        }
        course.rest();
        course.end();
    });
}
