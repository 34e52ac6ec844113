//! Whether the node may work on the data in Redis. One that may not starts no session: it claims nothing, owns no
//! partition and reaps nobody, and asks again from time to time.

use std::time::{Duration, Instant};

use super::{Claimer, Stuck, relieve, stuck};
use crate::cluster::{Closed, Entered};
use crate::redis::Mismatch;
use crate::telemetry::{Level, RedisFault};

/// How often a node that is shut out asks again.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// What Redis last said.
#[derive(Debug, Default)]
pub(super) struct Admission {
    /// Why the node is shut out.
    refused: Option<Mismatch>,
    /// Since when the data has had no identity.
    vacant_since: Option<Instant>,
}

impl Admission {
    /// Whether the node is shut out.
    pub(super) const fn is_refused(&self) -> bool {
        self.refused.is_some()
    }

    /// Whether data without an identity may be taken. After a loss of all data, the nodes of the cluster that had it come
    /// first: they notice it within a third of their lease, but a node that was shut out asks more often.
    fn may_take_vacant(&self, now: Instant, lease: Duration) -> bool {
        self.refused.is_none() || self.vacant_since.is_some_and(|since| now >= since + lease)
    }

    /// Whether this reason is another than the last one.
    fn refuse(&mut self, mismatch: &Mismatch) -> bool {
        self.vacant_since = None;
        self.refused.replace(mismatch.clone()).as_ref() != Some(mismatch)
    }
}

impl Claimer {
    /// Opens a session, unless there is one that nobody doubts. A new connection may lead to a Redis that has lost data.
    pub(super) fn open_session(&mut self, now: Instant) -> Result<(), Stuck> {
        let doubted = self.membership.take_doubt();
        let is_connected = self.link.connection_number().is_some_and(|number| number == self.entered_over);
        if self.session.epoch().is_some() && is_connected && !doubted {
            return Ok(());
        }
        let server = self.link.server().map_err(|_| stuck(&self.link))?;
        // The same until Redis has answered: a call of which nothing was heard may have begun the settling.
        let new_id = self.new_id.get_or_insert_with(|| format!("{:016x}", rand::random::<u64>())).clone();
        let (session, keys) = (&self.session, &self.keys);
        let may_take_vacant = self.admission.may_take_vacant(now, keys.membership.lease());
        let entered = relieve(&mut self.link, |redis| {
            keys.membership.enter(redis, session.node(), &new_id, &server, session.past(), may_take_vacant)
        })??;
        self.entered_over = self.link.connection_number().unwrap_or_default();
        self.new_id = None;
        let Entered { epoch, settling } = entered;
        let (began, was_empty) = (settling == new_id, epoch == new_id);
        let settle_time = if began { self.session.settle_time(was_empty, self.link.timeout()) } else { Duration::ZERO };
        self.session.settles(settling, now + settle_time);
        match self.session.epoch() {
            Some(known) if *known == epoch => return Ok(()),
            Some(_) => {
                // Redis has lost its data meanwhile: the node enters as one that has holds to restore.
                self.session.lost();
                return self.open_session(now);
            }
            None => {}
        }
        self.session.opened(epoch, now);
        self.grace.ask_now(now);
        if std::mem::take(&mut self.admission).is_refused() {
            self.node_state.lock().begin_anew();
            self.telemetry.log(Level::Info, "The webhook data in Redis is this cluster's now: webhooks are on");
        }
        self.membership.set(self.session.membership());
        Ok(())
    }

    /// The node may not work on the data. Returns when to ask again.
    pub(super) fn shut_out(&mut self, closed: Closed, now: Instant) -> Instant {
        self.telemetry.redis_failed(RedisFault::Mismatch);
        if !self.admission.is_refused() {
            // What it holds in Redis, if it was at work before, others reap: it comes back as another incarnation.
            self.membership.set(None);
            self.session.reaped((self.next_incarnation)());
            self.suspects.clear();
            self.lapsed.clear();
            self.prepared = None;
        }
        match closed {
            Closed::Vacant => _ = self.admission.vacant_since.get_or_insert(now),
            Closed::Mismatch(mismatch) => {
                if self.admission.refuse(&mismatch) {
                    self.telemetry.log(
                        Level::Error,
                        format_args!("Webhooks are off on this node: in Redis, {mismatch}. {}.", mismatch.remedy()),
                    );
                }
            }
        }
        self.discard();
        now + ASK_EVERY
    }

    /// Gives up what waits: a node that is shut out tells nobody of it. It claims what it serves then when it is let in.
    pub(super) fn discard(&self) {
        self.node_state.lock().pending.clear();
        self.node_state.notify();
    }
}
