//! A node's standing in the cluster: who it is, which epoch it knows, when its lease is due. Pure: time is an argument.

use std::time::{Duration, Instant};

use super::standing::Place;
use crate::names::NodeId;

/// The parts of a lease after which it is renewed: two renewals may fail before it lapses.
const RENEWALS_PER_LEASE: u32 = 3;

/// What came before the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Past {
    /// Nothing: when Redis knows no epoch, it is new.
    None,
    /// An epoch, under another id: when Redis knows none, it has lost its data, but nothing that was told under this id.
    Epoch,
    /// A session: what Redis was told in it is to be put back if it is lost.
    Session,
}

/// What the claimer knows of its node.
#[derive(Debug)]
pub(crate) struct Session {
    node: NodeId,
    lease: Duration,
    epoch: Option<String>,
    past: Past,
    must_put_holds_back: bool,
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
            must_put_holds_back: false,
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
    pub(crate) fn place(&self) -> Option<Place> {
        self.epoch().map(|epoch| Place { node: self.node.clone(), epoch: epoch.into() })
    }

    /// How long every other live node may take to notice a loss: until it has renewed its lease, on a connection that it may
    /// have to make first. A node that knows of no loss, on a fresh Redis, need not wait.
    pub(crate) fn settle_time(&self, connect_timeout: Duration) -> Duration {
        match self.past {
            Past::None => Duration::ZERO,
            Past::Epoch | Past::Session => self.lease / RENEWALS_PER_LEASE + connect_timeout.max(self.lease / 10),
        }
    }

    /// Whether this node has something to put back when Redis has lost its data.
    pub(crate) fn restores(&self) -> bool {
        self.past == Past::Session
    }

    /// The session is open.
    pub(crate) fn opened(&mut self, epoch: String, now: Instant) {
        self.must_put_holds_back = self.restores();
        self.epoch = Some(epoch);
        self.past = Past::Session;
        self.renew_at = Some(now + self.lease / RENEWALS_PER_LEASE);
        self.unbroken_renewals = 0;
    }

    /// Whether the epoch is not the one this node knew, so that Redis has to be told again what the node holds.
    pub(crate) const fn must_put_holds_back(&self) -> bool {
        self.must_put_holds_back
    }

    /// Redis has been told.
    pub(crate) const fn holds_are_back(&mut self) {
        self.must_put_holds_back = false;
    }

    /// Redis has lost its data, or a part of it.
    pub(crate) fn lost(&mut self) {
        self.epoch = None;
    }

    /// This node was reaped: it goes on under a new id, with nothing to put back. Should Redis lose its data meanwhile,
    /// the other nodes have to put their holds back all the same.
    pub(crate) fn reaped(&mut self, node: NodeId) {
        self.node = node;
        self.epoch = None;
        self.past = Past::Epoch;
        self.must_put_holds_back = false;
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
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(90);
    const TIMEOUT: Duration = Duration::from_secs(5);

    fn node(boot: u32) -> NodeId {
        NodeId::new("host", 1, boot)
    }

    #[test]
    fn a_first_session_neither_settles_nor_puts_anything_back() {
        let mut session = Session::new(node(1), LEASE);
        assert_eq!(session.settle_time(TIMEOUT), Duration::ZERO);
        session.opened("a".into(), Instant::now());
        assert!(!session.must_put_holds_back());
    }

    #[test]
    fn after_a_loss_the_epoch_settles_for_longer_than_a_renewal_and_holds_are_put_back() {
        let mut session = Session::new(node(1), LEASE);
        session.opened("a".into(), Instant::now());
        session.lost();
        assert!(session.settle_time(TIMEOUT) > LEASE / RENEWALS_PER_LEASE);
        session.opened("b".into(), Instant::now());
        assert!(session.must_put_holds_back());
    }

    #[test]
    fn a_reaped_node_starts_over_under_another_name() {
        let mut session = Session::new(node(1), LEASE);
        session.opened("a".into(), Instant::now());
        session.reaped(node(2));
        assert_eq!(session.node(), &node(2));
        assert!(
            session.settle_time(TIMEOUT) > Duration::ZERO,
            "Redis may lose its data before the new session is open"
        );
        session.opened("a".into(), Instant::now());
        assert!(!session.must_put_holds_back());
    }

    #[test]
    fn renewals_out_of_turn_do_not_make_a_node_older() {
        let now = Instant::now();
        let mut session = Session::new(node(1), LEASE);
        session.opened("a".into(), now);
        for _ in 0..5 {
            assert!(!session.must_renew(now));
            session.renew_next();
            assert!(session.must_renew(now));
            session.renewed(true, now);
        }
        assert!(!session.may_reap());
        assert_eq!(session.renew_at(), Some(now + LEASE / 3));
    }

    #[test]
    fn only_a_node_that_has_been_there_for_a_whole_lease_may_reap() {
        let now = Instant::now();
        let mut session = Session::new(node(1), LEASE);
        session.opened("a".into(), now);
        session.renewed(true, now + LEASE / 3);
        session.renewed(true, now + LEASE * 2 / 3);
        assert!(!session.may_reap());
        session.renewed(true, now + LEASE);
        assert!(session.may_reap());
        session.renewed(false, now + LEASE);
        assert!(!session.may_reap());
    }
}
