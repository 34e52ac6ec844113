//! A node's membership in the cluster: who it is, which epoch it knows, when its lease is due. Pure: time is an argument.

use std::time::{Duration, Instant};

use super::membership::Membership;
use crate::event::NodeId;

/// The parts of a lease after which it is renewed: two renewals may fail before it lapses.
const RENEWALS_PER_LEASE: u32 = 3;

/// How long edges wait after a loss, though all registered nodes have confirmed: a node that registered just before may be
/// forgotten. It notices within [`LOOK_EVERY`], and has to connect then.
const REGISTERING: Duration = Duration::from_secs(2);

/// How often a node looks whether Redis has lost something, and whether a settling waits for it.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What came before the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Past {
    /// Nothing: when Redis knows no epoch, it is new.
    None,
    /// An epoch: when Redis knows none, it has lost its data, but nothing of this node.
    Epoch,
    /// A session: Redis has lost what this node holds, or a part of it.
    Session,
}

/// A settling that waits for this node: see `scripts/settling.lua`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Settling {
    id: String,
    /// No confirmation before this time.
    confirm_at: Instant,
}

/// How far a node has come that Redis has lost holds of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Restoring {
    /// Nothing is lost.
    No,
    /// Its holds are to be restored.
    Due,
    /// They are restored; that is to be confirmed.
    Done,
}

/// What the claimer knows of its node.
#[derive(Debug)]
pub(crate) struct Session {
    node: NodeId,
    lease: Duration,
    epoch: Option<String>,
    past: Past,
    settling: Option<Settling>,
    restoring: Restoring,
    /// The settling for which it last restored its holds.
    restored: String,
    /// Since when Redis has rejected the restoring.
    hindered_since: Option<Instant>,
    look_at: Option<Instant>,
    renew_at: Option<Instant>,
    must_renew: bool,
    unbroken_renewals: u32,
}

impl Session {
    /// A node that has not spoken to Redis yet.
    pub(crate) const fn new(node: NodeId, lease: Duration) -> Self {
        Self {
            node,
            lease,
            epoch: None,
            past: Past::None,
            settling: None,
            restoring: Restoring::No,
            restored: String::new(),
            hindered_since: None,
            look_at: None,
            renew_at: None,
            must_renew: false,
            unbroken_renewals: 0,
        }
    }

    /// The node's id; another one after it was reaped.
    pub(crate) const fn node(&self) -> &NodeId {
        &self.node
    }

    /// The epoch, while the session is open.
    pub(crate) fn epoch(&self) -> Option<&str> {
        self.epoch.as_deref()
    }

    /// The node and its epoch, while the session is open.
    pub(crate) fn membership(&self) -> Option<Membership> {
        self.epoch().map(|epoch| Membership { node: self.node.clone(), epoch: epoch.into() })
    }

    /// What it knows when it opens a session. A session that is open has lost nothing as far as it knows.
    pub(crate) const fn past(&self) -> Past {
        match self.past {
            Past::Session if self.epoch.is_some() => Past::Epoch,
            past => past,
        }
    }

    /// How long a settling takes at least that this node begins. Without an epoch, the registrations are lost as well: every
    /// live node needs the time to renew its lease, on a connection that it may have to make first.
    pub(crate) fn settle_time(&self, is_epoch_lost: bool, connect_timeout: Duration) -> Duration {
        let all_register = self.lease / RENEWALS_PER_LEASE + connect_timeout.max(self.lease / 10);
        if is_epoch_lost && self.past != Past::None { all_register } else { REGISTERING.min(all_register) }
    }

    /// How often it looks: some times in the second look that others take at its lease.
    fn look_every(&self) -> Duration {
        LOOK_EVERY.min(self.lease / 9)
    }

    /// The session is open.
    pub(crate) fn opened(&mut self, epoch: String, now: Instant) {
        if self.past == Past::Session {
            self.restoring = Restoring::Due;
            self.restored.clear();
        }
        self.epoch = Some(epoch);
        self.past = Past::Session;
        self.renew_at = Some(now + self.lease / RENEWALS_PER_LEASE);
        self.look_at = Some(now + self.look_every());
        self.unbroken_renewals = 0;
    }

    /// The settling `id` waits for this node; empty: none does. The node may confirm from `confirm_at` on, but no sooner than
    /// it would have confirmed the one before.
    pub(crate) fn settles(&mut self, id: String, confirm_at: Instant) {
        let before = self.settling.take();
        let confirm_at = match &before {
            Some(before) if before.id == id => before.confirm_at,
            Some(before) => before.confirm_at.max(confirm_at),
            None => confirm_at,
        };
        self.settling = (!id.is_empty()).then_some(Settling { id, confirm_at });
    }

    /// The settling that waits for this node, empty for none.
    pub(crate) fn settling(&self) -> &str {
        self.settling.as_ref().map_or("", |settling| &settling.id)
    }

    /// What to confirm now: the settling, empty when the node only has to look which one waits for it. `None`: nothing is due.
    pub(crate) fn confirms(&self, now: Instant) -> Option<&str> {
        match &self.settling {
            Some(settling) if settling.confirm_at <= now => Some(&settling.id),
            _ => self.look_at.is_none_or(|at| at <= now).then_some(""),
        }
    }

    /// When the next confirmation or look is due.
    pub(crate) fn confirms_at(&self) -> Option<Instant> {
        let confirm_at = self.settling.as_ref().map(|settling| settling.confirm_at);
        confirm_at.into_iter().chain(self.look_at).min()
    }

    /// Redis has said which settling waits for this node, after it has confirmed the one that it knew.
    pub(crate) fn looked(&mut self, waiting: String, now: Instant) {
        if waiting.is_empty()
            && let Some(settling) = self.settling.take()
            && self.restoring == Restoring::Done
        {
            (self.restoring, self.restored) = (Restoring::No, settling.id);
        }
        self.settles(waiting, now);
        self.look_at = Some(now + self.look_every());
    }

    /// The node looks next whether a settling waits for it.
    pub(crate) const fn look_next(&mut self) {
        self.look_at = None;
    }

    /// Whether Redis has to be told again what the node holds.
    pub(crate) fn must_restore(&self) -> bool {
        self.restoring == Restoring::Due
    }

    /// Whether that has been done, and is not confirmed.
    pub(crate) fn has_restored(&self) -> bool {
        self.restoring == Restoring::Done
    }

    /// The settling for which it last restored its holds, empty for none.
    pub(crate) fn restored_for(&self) -> &str {
        &self.restored
    }

    /// Redis has been told.
    pub(crate) const fn restored(&mut self) {
        self.restoring = Restoring::Done;
        self.hindered_since = None;
    }

    /// Redis rejects a call. Whether it has done so for a whole lease while holds were to be restored: the other nodes must not
    /// wait for ever.
    pub(crate) fn is_hindered(&mut self, now: Instant) -> bool {
        self.must_restore() && now >= *self.hindered_since.get_or_insert(now) + self.lease
    }

    /// The connection is gone: what was restored, and is not confirmed, may be lost again.
    pub(crate) fn disconnected(&mut self) {
        if self.restoring != Restoring::No {
            self.lost();
        }
        self.renew_next();
    }

    /// Redis has lost its data, or a part of it.
    pub(crate) fn lost(&mut self) {
        self.epoch = None;
        self.restoring = Restoring::No;
    }

    /// This node was reaped: it goes on under a new id, with nothing to restore. Should Redis lose its data meanwhile, the
    /// other nodes have to restore their holds all the same.
    pub(crate) fn reaped(&mut self, node: NodeId) {
        self.lost();
        self.node = node;
        self.past = Past::Epoch;
        self.settling = None;
        self.restored.clear();
        self.hindered_since = None;
    }

    /// When the lease must be renewed.
    pub(crate) const fn renew_at(&self) -> Option<Instant> {
        self.renew_at
    }

    /// The lease is to be renewed before anything else, once and out of turn.
    pub(crate) const fn renew_next(&mut self) {
        self.must_renew = true;
    }

    /// Whether the lease is to be renewed now.
    pub(crate) fn must_renew(&self, now: Instant) -> bool {
        self.must_renew || self.is_due(now)
    }

    /// The lease was renewed. Out of turn, that does not show that the node has been there for longer.
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

    /// Whether this node may reap others. After an outage of Redis everybody's lease has lapsed and everybody renews;
    /// only who has been there for a whole lease can tell a dead node from one that was cut off like itself.
    pub(crate) const fn may_reap(&self) -> bool {
        self.unbroken_renewals >= RENEWALS_PER_LEASE
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
