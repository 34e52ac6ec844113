//! The end of all faults.

use super::super::caller::Node;
use super::{Action, Broken, Flaw, Holds, IDS, KEYS, Lease, State};

/// Calls after which a node has none left to make.
const CALLS: usize = 10;

impl State {
    /// Ends all faults: late calls are lost, dead nodes are reaped, live nodes make their calls. Then checks that the
    /// last edge matches the truth. If only one node had visits and none died, each of its visits must have an edge.
    pub(in super::super) fn comes_to_rest(&self, flaw: Option<Flaw>) -> Result<(), Broken> {
        let mut rest = self.clone();
        rest.late.clear();
        for _ in 0..4 {
            for n in 0..rest.nodes.len() {
                if rest.nodes[n].may_renew(rest.process) {
                    rest.take(Action::Renew(n), flaw)?;
                }
                if rest.nodes[n].may_renew(rest.process) && rest.nodes[n].settling == 0 {
                    rest.take(Action::Look(n), flaw)?;
                }
                for _ in 0..CALLS {
                    if !rest.is_unaware_of_loss(n) && rest.next_call(n, flaw).is_some() {
                        rest.take(Action::Call(n), flaw)?;
                    }
                }
            }
            for id in 0..IDS {
                if rest.nodes.iter().any(|node| node.id == id) {
                    continue;
                }
                if rest.redis.leases[id] == Lease::Good {
                    rest.redis.leases[id] = Lease::Lapsed;
                }
                for _ in KEYS {
                    rest.take(Action::Reap(id), flaw)?;
                }
            }
        }
        let of_cluster = |node: &&Node| rest.redis.is_of(node.cluster);
        let connected = rest.nodes.iter().filter(of_cluster).any(|node| node.connected);
        if rest.published != (Holds { channel: connected, user: connected }) {
            return Err(format!(
                "E2: at rest the last edges say {:?}, but a client is connected: {connected}",
                rest.published
            ));
        }
        let visited: Vec<&Node> = rest.nodes.iter().filter(of_cluster).filter(|node| node.visits > 0).collect();
        match visited[..] {
            [alone] if !rest.crashed && rest.occupied < alone.visits => {
                Err(format!("E1: {} of {} visits were published", rest.occupied, alone.visits))
            }
            _ => Ok(()),
        }
    }
}
