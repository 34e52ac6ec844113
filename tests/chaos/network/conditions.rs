//! Faults of a network, and what they do to the bytes of a connection.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Connection;
use crate::Ms;

/// A fault of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NetworkFault {
    /// Everything takes this much longer (ms), in both directions.
    Slow(Ms),
    /// Requests are lost.
    LosesRequests,
    /// Replies are lost. Redis carries the calls out.
    LosesReplies,
    /// Requests and replies are lost.
    LosesAll,
    /// Connections are closed, and so are new ones.
    Refuses,
    /// The next such call, with all that follows on its connection, arrives at the end of the fault. Other connections
    /// work.
    HoldsBack(Call),
    /// The connection is cut in place of the next reply to such a call.
    CutsReply(Call),
    /// One direction of every connection is closed.
    HalfCloses(Way),
}

/// Direction of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// From the node to Redis.
    Request,
    /// From Redis to the node.
    Reply,
}

/// Kind of a call, recognised by a key in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// A batch of claims, or the reaping of a node.
    Claim,
    /// Persists a batch.
    Persist,
    /// Acknowledges a batch.
    Ack,
    /// Any script call, such as a renewal.
    Any,
}

impl Call {
    fn is_made_by(self, bytes: &[u8]) -> bool {
        let needle: &[u8] = match self {
            Self::Claim => b":held_users:",
            Self::Persist => b":inflight:",
            Self::Ack => b":dead",
            Self::Any => b"EVALSHA",
        };
        bytes.windows(needle.len()).any(|window| window == needle)
    }
}

impl NetworkFault {
    /// Returns true if the fault ends with its first effect.
    pub(super) const fn ends_at_once(self) -> bool {
        matches!(self, Self::HalfCloses(_))
    }
}

#[derive(Default)]
pub(super) struct Conditions {
    pub(super) fault: Option<ActiveFault>,
    pub(super) connections: Vec<Arc<Connection>>,
}

/// A fault and its end.
#[derive(Clone, Copy)]
pub(super) struct ActiveFault {
    pub(super) fault: NetworkFault,
    pub(super) until: Instant,
    /// Port of the only server that is affected. `None` if all are.
    pub(super) only: Option<u16>,
    /// The call that the fault waits for has come.
    pub(super) matched: bool,
}

/// Decision about some bytes.
pub(super) enum Forwarding {
    Now,
    After(Duration),
    Wait(Instant),
    Lose,
    Cut,
}

impl ActiveFault {
    /// Returns true if the server at this port is affected.
    pub(super) fn affects(&self, server: u16) -> bool {
        self.only.is_none_or(|only| only == server)
    }
}

impl Conditions {
    /// Returns the fault that affects the server at this port.
    pub(super) fn now(&mut self, server: u16) -> Option<ActiveFault> {
        self.fault.take_if(|active| active.until <= Instant::now());
        self.fault.filter(|active| active.affects(server))
    }

    pub(super) fn decide(&mut self, connection: &Connection, way: Way, bytes: &[u8]) -> Forwarding {
        let active = self.now(connection.server);
        let loses = match active.map(|active| active.fault) {
            Some(NetworkFault::LosesAll) => true,
            Some(NetworkFault::LosesRequests) => way == Way::Request,
            Some(NetworkFault::LosesReplies) => way == Way::Reply,
            _ => false,
        };
        if loses {
            connection.lost_bytes.store(true, Ordering::SeqCst);
            return Forwarding::Lose;
        }
        if connection.lost_bytes.load(Ordering::SeqCst) {
            return Forwarding::Cut;
        }
        match active.map(|active| active.fault) {
            Some(NetworkFault::Refuses) => Forwarding::Cut,
            Some(NetworkFault::Slow(ms)) => Forwarding::After(Duration::from_millis(ms)),
            Some(NetworkFault::CutsReply(call)) => self.cut_reply(call, connection, way, bytes),
            Some(NetworkFault::HoldsBack(call)) => self.hold_back(call, connection, way, bytes),
            _ => Forwarding::Now,
        }
    }

    fn hold_back(&mut self, call: Call, connection: &Connection, way: Way, bytes: &[u8]) -> Forwarding {
        let Some(active) = &mut self.fault else { return Forwarding::Now };
        if !active.matched && way == Way::Request && call.is_made_by(bytes) {
            active.matched = true;
            connection.asked.store(true, Ordering::SeqCst);
        }
        if connection.asked.load(Ordering::SeqCst) { Forwarding::Wait(active.until) } else { Forwarding::Now }
    }

    fn cut_reply(&mut self, call: Call, connection: &Connection, way: Way, bytes: &[u8]) -> Forwarding {
        match way {
            Way::Request => {
                connection.asked.store(call.is_made_by(bytes), Ordering::SeqCst);
                Forwarding::Now
            }
            Way::Reply if connection.asked.load(Ordering::SeqCst) => {
                self.fault = None;
                Forwarding::Cut
            }
            Way::Reply => Forwarding::Now,
        }
    }
}
