//! A node's session: its id, the epoch that it works in, and when its lease is due. Pure: time is an argument.

use std::time::{Duration, Instant};

use super::membership::Membership;
use crate::event::NodeId;

/// Renewals per lease. Two may fail before the lease lapses.
const RENEWALS_PER_LEASE: u32 = 3;

/// Shortest settling, even if all registered nodes have confirmed. Redis may have lost the registration of a node that
/// had just joined. That node notices within [`POLL_EVERY`] and then has to connect.
const REGISTERING: Duration = Duration::from_secs(2);

/// The time between two polls of Redis for lost data and for a settling that waits for the node.
pub(crate) const POLL_EVERY: Duration = Duration::from_secs(1);

/// The knowledge of a node that opens a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Past {
    /// Nothing. If Redis has no epoch, the data is new.
    None,
    /// An epoch. If Redis has none, it has lost its data, but no hold of this node.
    Epoch,
    /// A session. Redis has lost some or all holds of this node.
    Session,
}

/// A settling that waits for this node; see `scripts/settling.lua`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Settling {
    id: String,
    /// Earliest confirmation.
    confirm_at: Instant,
}

/// Progress of a node whose holds Redis has lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Restoring {
    /// Nothing is lost.
    No,
    /// The holds have to be restored.
    Due,
    /// The holds are restored and have to be confirmed.
    Done,
}

/// The claimer's view of its node.
#[derive(Debug)]
pub(crate) struct Session {
    /// The node's id, which changes after it was reaped.
    pub(crate) node: NodeId,
    lease: Duration,
    epoch: Option<String>,
    past: Past,
    settling: Option<Settling>,
    restoring: Restoring,
    /// The settling for which the holds were last restored, empty for none.
    pub(crate) restored_for: String,
    /// Since when Redis has rejected the restoring of holds.
    blocked_since: Option<Instant>,
    poll_at: Option<Instant>,
    /// The time at which the lease has to be renewed.
    pub(crate) renew_at: Option<Instant>,
    must_renew: bool,
    unbroken_renewals: u32,
}

impl Session {
    /// Creates the session of a node that has not called Redis yet.
    pub(crate) const fn new(node: NodeId, lease: Duration) -> Self {
        Self {
            node,
            lease,
            epoch: None,
            past: Past::None,
            settling: None,
            restoring: Restoring::No,
            restored_for: String::new(),
            blocked_since: None,
            poll_at: None,
            renew_at: None,
            must_renew: false,
            unbroken_renewals: 0,
        }
    }

    /// Returns the epoch while the session is open.
    pub(crate) fn epoch(&self) -> Option<&str> {
        self.epoch.as_deref()
    }

    /// Returns the node and its epoch while the session is open.
    pub(crate) fn membership(&self) -> Option<Membership> {
        self.epoch().map(|epoch| Membership { node: self.node.clone(), epoch: epoch.into() })
    }

    /// Returns what the node knows when it opens a session. An open session has found nothing lost so far.
    pub(crate) const fn past(&self) -> Past {
        match self.past {
            Past::Session if self.epoch.is_some() => Past::Epoch,
            past => past,
        }
    }

    /// Returns how long a settling begun by this node lasts at least. If the epoch is lost, so are the registrations:
    /// every live node needs time to renew its lease, possibly over a new connection.
    pub(crate) fn settle_time(&self, is_epoch_lost: bool, connect_timeout: Duration) -> Duration {
        let all_register = self.lease / RENEWALS_PER_LEASE + connect_timeout.max(self.lease / 10);
        if is_epoch_lost && self.past != Past::None { all_register } else { REGISTERING.min(all_register) }
    }

    /// Returns how often the node polls: every [`POLL_EVERY`], or more often with a short lease.
    fn poll_every(&self) -> Duration {
        POLL_EVERY.min(self.lease / 9)
    }

    /// Records that the session is open.
    pub(crate) fn opened(&mut self, epoch: String, now: Instant) {
        if self.past == Past::Session {
            self.restoring = Restoring::Due;
            self.restored_for.clear();
        }
        self.epoch = Some(epoch);
        self.past = Past::Session;
        self.renew_at = Some(now + self.lease / RENEWALS_PER_LEASE);
        self.poll_at = Some(now + self.poll_every());
        self.unbroken_renewals = 0;
    }

    /// Records that the settling `id` waits for this node; empty if none does. The node may confirm at `confirm_at`,
    /// but not before the time set for an earlier settling.
    pub(crate) fn settles(&mut self, id: String, confirm_at: Instant) {
        let before = self.settling.take();
        let confirm_at = match &before {
            Some(before) if before.id == id => before.confirm_at,
            Some(before) => before.confirm_at.max(confirm_at),
            None => confirm_at,
        };
        self.settling = (!id.is_empty()).then_some(Settling { id, confirm_at });
    }

    /// Returns the settling that waits for this node, empty for none.
    pub(crate) fn settling(&self) -> &str {
        self.settling.as_ref().map_or("", |settling| &settling.id)
    }

    /// Returns the settling to confirm now, empty if the node only has to poll. `None` if nothing is due.
    pub(crate) fn confirms(&self, now: Instant) -> Option<&str> {
        match &self.settling {
            Some(settling) if settling.confirm_at <= now => Some(&settling.id),
            _ => self.poll_at.is_none_or(|at| at <= now).then_some(""),
        }
    }

    /// Returns when the next confirmation or poll is due.
    pub(crate) fn confirms_at(&self) -> Option<Instant> {
        let confirm_at = self.settling.as_ref().map(|settling| settling.confirm_at);
        confirm_at.into_iter().chain(self.poll_at).min()
    }

    /// Records the settling that waits for this node, as Redis returned it after the node had confirmed the one it had.
    pub(crate) fn polled(&mut self, waiting: String, now: Instant) {
        if waiting.is_empty()
            && let Some(settling) = self.settling.take()
            && self.restoring == Restoring::Done
        {
            (self.restoring, self.restored_for) = (Restoring::No, settling.id);
        }
        self.settles(waiting, now);
        self.poll_at = Some(now + self.poll_every());
    }

    /// Makes a poll due at once.
    pub(crate) const fn poll_next(&mut self) {
        self.poll_at = None;
    }

    /// Returns `true` if the node has to restore its holds in Redis.
    pub(crate) fn must_restore(&self) -> bool {
        self.restoring == Restoring::Due
    }

    /// Returns `true` if the holds are restored and not confirmed yet.
    pub(crate) fn has_restored(&self) -> bool {
        self.restoring == Restoring::Done
    }

    /// Records that the holds are restored.
    pub(crate) const fn restored(&mut self) {
        self.restoring = Restoring::Done;
        self.blocked_since = None;
    }

    /// Records that Redis rejected a call. Returns `true` if it has done so for a whole lease while holds were to be
    /// restored: the other nodes must not wait forever.
    pub(crate) fn is_blocked(&mut self, now: Instant) -> bool {
        self.must_restore() && now >= *self.blocked_since.get_or_insert(now) + self.lease
    }

    /// Records that the connection broke. Holds that were restored but not confirmed may be lost again.
    pub(crate) fn disconnected(&mut self) {
        if self.restoring != Restoring::No {
            self.lost();
        }
        self.renew_next();
    }

    /// Records that Redis has lost data.
    pub(crate) fn lost(&mut self) {
        self.epoch = None;
        self.restoring = Restoring::No;
    }

    /// Continues under a new id with nothing to restore, because this node was reaped. Keeps knowing an epoch: if Redis
    /// loses its data meanwhile, the other nodes still have to restore their holds.
    pub(crate) fn reaped(&mut self, node: NodeId) {
        self.lost();
        self.node = node;
        self.past = Past::Epoch;
        self.settling = None;
        self.restored_for.clear();
        self.blocked_since = None;
    }

    /// Makes one renewal due before anything else, outside the schedule.
    pub(crate) const fn renew_next(&mut self) {
        self.must_renew = true;
    }

    /// Returns `true` if the lease has to be renewed now.
    pub(crate) fn must_renew(&self, now: Instant) -> bool {
        self.must_renew || self.is_due(now)
    }

    /// Records a renewal. One outside the schedule does not count towards the node's age.
    pub(crate) fn renewed(&mut self, unbroken: bool, now: Instant) {
        self.must_renew = false;
        if !unbroken {
            self.unbroken_renewals = 0;
        }
        if self.is_due(now) {
            self.renew_at = Some(now + self.lease / RENEWALS_PER_LEASE);
            self.unbroken_renewals = self.unbroken_renewals.saturating_add(u32::from(unbroken));
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        self.renew_at.is_none_or(|due| due <= now)
    }

    /// Returns `true` if this node may reap others. After an outage of Redis all leases have lapsed and all nodes
    /// renew. Only a node with a whole unbroken lease can tell a dead node from one that was cut off like itself.
    pub(crate) const fn may_reap(&self) -> bool {
        self.unbroken_renewals >= RENEWALS_PER_LEASE
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
