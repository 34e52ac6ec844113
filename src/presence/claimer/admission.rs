//! Admission: whether this node may work on the data in Redis. A node that is refused opens no session, sends no claims,
//! owns no partition and reaps no node. It tries again every two seconds.

use std::time::{Duration, Instant};

use super::{Claimer, Stuck, call_while_full, stuck};
use crate::cluster::{Closed, Entered};
use crate::redis::Mismatch;
use crate::telemetry::RedisFault;

/// Pause between two attempts of a node that is refused.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// The last answer of Redis about admission.
#[derive(Debug, Default)]
pub(super) struct Admission {
    /// Why the node is refused.
    refused: Option<Mismatch>,
    /// Since when the data has no identity.
    vacant_since: Option<Instant>,
    /// The refusal is in the log.
    is_logged: bool,
}

impl Admission {
    /// Returns `true` if the node is refused.
    pub(super) const fn is_refused(&self) -> bool {
        self.refused.is_some()
    }

    /// Returns `true` if the node may put its identity on data that has none. After a loss of all data, the cluster that
    /// owned it must come first. Its nodes notice the loss within a third of their lease, but a refused node asks more often.
    /// So a refused node waits for a whole lease.
    fn may_take_vacant(&self, now: Instant, lease: Duration) -> bool {
        self.refused.is_none() || self.vacant_since.is_some_and(|since| now >= since + lease)
    }

    /// Stores why the node is refused. Returns `true` if the reason is new.
    fn refuse(&mut self, mismatch: &Mismatch) -> bool {
        self.vacant_since = None;
        self.refused.replace(mismatch.clone()).as_ref() != Some(mismatch)
    }
}

impl Claimer {
    /// Opens a session, unless there is a valid one. A new connection may lead to a Redis that has lost data.
    pub(super) fn open_session(&mut self, now: Instant) -> Result<(), Stuck> {
        let doubted = self.membership.take_doubt();
        let is_connected = self.link.connection_number().is_some_and(|number| number == self.entered_over);
        if self.session.epoch().is_some() && is_connected && !doubted {
            return Ok(());
        }
        let server = self.link.server().map_err(|_| stuck(&self.link))?;
        self.check_other_data(now)?;
        // Kept until Redis has answered: a call whose reply was lost may have begun the settling under this id.
        let new_id = self.new_id.get_or_insert_with(|| format!("{:016x}", rand::random::<u64>())).clone();
        let (session, keys) = (&self.session, &self.keys);
        let may_take_vacant = self.admission.may_take_vacant(now, keys.lease);
        let entered = call_while_full(&mut self.link, |redis| {
            keys.membership.enter(redis, &session.node, &new_id, &server, session.past(), may_take_vacant)
        })??;
        self.entered_over = self.link.connection_number().unwrap_or_default();
        self.new_id = None;
        let Entered { epoch, settling } = entered;
        let (began, was_empty) = (settling == new_id, epoch == new_id);
        let timeout = self.link.settings.connection.timeout;
        let settle_time = if began { self.session.settle_time(was_empty, timeout) } else { Duration::ZERO };
        self.session.settles(settling, now + settle_time);
        match self.session.epoch() {
            Some(known) if *known == epoch => return Ok(()),
            Some(_) => {
                // Redis has lost its data: the node enters again, as one that has holds to restore.
                self.session.lost();
                return self.open_session(now);
            }
            None => {}
        }
        self.session.opened(epoch, now);
        self.grace.ask_now(now);
        self.membership.refuse(None);
        let before = std::mem::take(&mut self.admission);
        if before.is_refused() {
            self.node_state.lock().reset();
        }
        if before.is_logged {
            self.telemetry.log_info("The webhook data in Redis now belongs to this cluster: webhooks are on");
        }
        self.membership.set(self.session.membership());
        Ok(())
    }

    /// Stops all work on the data in Redis. Returns when to ask again.
    pub(super) fn shut_out(&mut self, closed: Closed, now: Instant) -> Instant {
        self.telemetry.redis_failed(RedisFault::Mismatch);
        if !self.admission.is_refused() {
            // Other nodes reap what this node held before. It comes back under a new id.
            self.membership.set(None);
            self.session.reaped((self.next_incarnation)());
            self.suspects.clear();
            self.lapsed.clear();
            self.prepared = None;
        }
        match closed {
            Closed::Vacant => _ = self.admission.vacant_since.get_or_insert(now),
            Closed::Mismatch(mismatch) => {
                if self.admission.refuse(&mismatch) && !self.others.is_reported() {
                    self.admission.is_logged = true;
                    self.telemetry.log_error(format_args!(
                        "Webhooks are off on this node: in Redis, {mismatch}. {}.",
                        mismatch.remedy()
                    ));
                }
                self.membership.refuse(Some(mismatch));
            }
        }
        self.discard();
        now + ASK_EVERY
    }

    /// Discards all pending changes. The node claims what it serves when it is admitted.
    pub(super) fn discard(&self) {
        self.node_state.lock().pending.clear();
        self.node_state.notify();
    }
}
