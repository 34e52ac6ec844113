//! How everything heals.

use super::super::caller::Node;
use super::{Action, Broken, Flaw, Holds, IDS, KEYS, Lease, State};

/// Calls in which a node has said everything.
const CALLS: usize = 10;

impl State {
    /// Everything heals: what is late is lost, the dead are reaped, the living say what they have to say. Then the last
    /// edge is the truth, and the visits of a node that was alone with its client were told one by one.
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
                    if !rest.is_stranger(n) && rest.next_call(n, flaw).is_some() {
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
        let there = rest.nodes.iter().filter(of_cluster).any(|node| node.there);
        if rest.told != (Holds { channel: there, user: there }) {
            return Err(format!("E2: at rest {:?} is told, and somebody is there: {there}", rest.told));
        }
        let visited: Vec<&Node> = rest.nodes.iter().filter(of_cluster).filter(|node| node.comes > 0).collect();
        match visited[..] {
            [alone] if !rest.crashed && rest.occupied < alone.comes => {
                Err(format!("E1: {} of {} visits were told", rest.occupied, alone.comes))
            }
            _ => Ok(()),
        }
    }
}
