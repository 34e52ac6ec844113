//! The claimer thread: sends this node's claims to Redis, which decides which of them are edges.
//!
//! All access to the presence keys in Redis happens here, in this order of urgency: open a session (epoch, lease), restore
//! lost holds, renew the lease, confirm to a settling, reap dead nodes, send the next batch of claims. After a failure the
//! claimer starts again at the top. The batch in flight keeps its number, so a lost reply is harmless. The next batch is
//! encoded while Redis carries out the current one, so that Redis is not idle in between.

mod admission;
mod other_data;
mod reaper;
mod repair;
mod stuck;
mod suspension;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use admission::Admission;
pub(crate) use other_data::OtherData;

use super::grace::Grace;
use super::node_state::{NodeState, SharedNodeState};
use super::scripts::{ClaimCall, PresenceScripts};
use crate::cluster::{Audit, RedisClock, Refusal, Session, SharedMembership};
use crate::event::NodeId;
use crate::redis::Link;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::telemetry::{PacedCount, Telemetry};
use repair::Comparison;
use stuck::{Stuck, call, call_while_full, known, stuck};
use suspension::Suspension;

/// Longest sleep before the claimer checks its session.
const IDLE: Duration = Duration::from_secs(1);

/// Shortest pause before the claimer asks again whether the settling is over.
const SETTLING_PAUSE: Duration = Duration::from_millis(10);

/// Entries of a batch after which the next one waits to fill. A call costs Redis as much as about 12 claims besides those that
/// it has.
const MANY: usize = 12;

/// Longest wait for a fuller batch: two naps of the intake.
const FILLING: Duration = Duration::from_millis(2);

/// Signals the claimer to stop.
#[derive(Debug, Default)]
pub(crate) struct StopFlag(AtomicBool);

impl StopFlag {
    /// Makes the claimers of the shards stop at the next opportunity, and wakes them.
    pub(crate) fn raise(&self, shards: &[Arc<SharedNodeState>]) {
        self.0.store(true, Ordering::Release);
        for shard in shards {
            shard.interrupt();
        }
    }

    fn raised(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The parts that a claimer is built from.
pub(crate) struct ClaimerParts {
    /// The connection to Redis.
    pub(crate) link: Link,
    /// The keys and scripts.
    pub(crate) keys: PresenceScripts,
    /// The audit of the roster, if there is one.
    pub(crate) audit: Option<Audit>,
    /// The pause between two comparisons of a page of the node's holds with Redis.
    pub(crate) compare_every: Duration,
    /// Publishes the node's membership to other threads.
    pub(crate) membership: Arc<SharedMembership>,
    /// Returns the id of this process' next incarnation.
    pub(crate) next_incarnation: Box<dyn FnMut() -> NodeId + Send>,
    /// The other data that has to fit.
    pub(crate) others: OtherData,
}

/// The claimer's state.
pub(crate) struct Claimer {
    node_state: Arc<SharedNodeState>,
    stop: Arc<StopFlag>,
    telemetry: Arc<Telemetry>,
    link: Link,
    keys: PresenceScripts,
    audit: Option<Audit>,
    comparison: Comparison,
    membership: Arc<SharedMembership>,
    session: Session,
    admission: Admission,
    suspension: Suspension,
    grace: Grace,
    full_outbox: PacedCount,
    clock: RedisClock,
    /// The number of the batch that was sent and not answered. Redis may have applied it.
    unanswered: Option<u64>,
    /// The batch in flight, encoded while the previous one was and not sent yet.
    prepared: Option<ClaimCall>,
    /// Entries of the last batch, if it was answered just now.
    last_entries: usize,
    next_incarnation: Box<dyn FnMut() -> NodeId + Send>,
    others: OtherData,
    /// The id for a new epoch or settling. It stays the same until Redis has answered.
    new_id: Option<String>,
    /// Number of the connection on which the session was opened.
    entered_over: u64,
    /// Time of the next step: Redis is unreachable, or no edge may be decided yet.
    hold_until: Option<Instant>,
    /// Nodes whose lease has lapsed, and when to check them again. A live node renews its lease before that.
    suspects: Vec<(String, Instant)>,
    /// Dead nodes whose reaping is not finished.
    lapsed: Vec<String>,
    /// The id under which this node was reaped, until the reaping is finished.
    predecessor: Option<String>,
    /// Nodes whose lease has lapsed but whose roster is refreshed. Each is logged once.
    spared: HashSet<String>,
}

impl Claimer {
    /// Returns a claimer that sends the changes of `node_state` to `cluster`.
    pub(crate) fn new(
        node_state: Arc<SharedNodeState>,
        cluster: ClaimerParts,
        stop: Arc<StopFlag>,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        let ClaimerParts { link, keys, audit, compare_every, membership, mut next_incarnation, others } = cluster;
        let session = Session::new(next_incarnation(), keys.lease);
        let grace = Grace::new(keys.grace);
        Self {
            node_state,
            stop,
            telemetry,
            link,
            keys,
            audit,
            comparison: Comparison::new(compare_every),
            membership,
            session,
            admission: Admission::default(),
            suspension: Suspension::default(),
            grace,
            full_outbox: PacedCount::default(),
            clock: RedisClock::default(),
            unanswered: None,
            prepared: None,
            last_entries: 0,
            next_incarnation,
            others,
            new_id: None,
            entered_over: 0,
            hold_until: None,
            suspects: Vec::new(),
            lapsed: Vec::new(),
            predecessor: None,
            spared: HashSet::new(),
        }
    }

    /// Runs until the stop flag is raised.
    pub(crate) fn run(&mut self) {
        while !self.stop.raised() {
            let now = Instant::now();
            if self.hold_until.is_none_or(|until| until <= now) {
                self.hold_until = self.step(now);
            }
            if self.admission.is_refused() {
                self.discard();
            }
            self.wait();
        }
        self.leave_cluster();
    }

    /// Leaves the cluster if the node holds nothing. Otherwise the lease lapses and another node reaps the holds.
    pub(super) fn leave_cluster(&mut self) {
        if self.session.epoch().is_some() && self.node_state.lock().is_done() {
            // If this fails, the lease lapses.
            let _ = call_while_full(&mut self.link, |redis| self.keys.membership.bye(redis, &self.session.node));
        }
        self.membership.set(None);
    }

    /// Sleeps until there is work that can be done.
    fn wait(&self) {
        let idle_until = Instant::now() + IDLE;
        let suspects_at = self.suspects.iter().map(|(_, at)| *at).min();
        let due = [suspects_at, self.session.renew_at, self.session.confirms_at(), self.grace.ask_at]
            .into_iter()
            .flatten()
            .fold(idle_until, Instant::min);
        let counts_at = self.node_state.lock().table.counts_due_at();
        let deadline = self.hold_until.unwrap_or_else(|| counts_at.map_or(due, |at| due.min(at)));
        let (held_up, refused) = (self.hold_until.is_some(), self.admission.is_refused());
        self.node_state.wait_until(deadline, |node_state| {
            let is_sooner = |at: Instant| at < deadline;
            let may_claim =
                || node_state.pending.has_batch() || node_state.table.counts_due_at().is_some_and(is_sooner);
            let may_discard = || refused && !node_state.pending.is_empty();
            self.stop.raised() || (!held_up && may_claim()) || may_discard()
        });
    }

    /// Does everything that is due at `now`. If something prevents that, returns the time of the next attempt.
    pub(super) fn step(&mut self, now: Instant) -> Option<Instant> {
        match self.try_step(now) {
            Ok(()) => None,
            Err(Stuck::Unreachable(retry_at)) => {
                // After a reconnect the node first checks whether Redis has lost data.
                self.session.disconnected();
                Some(retry_at)
            }
            Err(Stuck::Closed(closed)) => Some(self.shut_out(closed, now)),
            Err(Stuck::Refused(Refusal::Settling(wait))) => Some(self.ask_again_at(now, wait)),
            Err(Stuck::Refused(Refusal::Suspended)) => Some(self.set_suspended_aside(now)),
            Err(Stuck::Refused(Refusal::Lost | Refusal::Excluded)) => {
                self.membership.set(None);
                self.session.lost();
                None
            }
            Err(Stuck::Refused(Refusal::Behind)) => {
                self.session.lost();
                None
            }
            Err(Stuck::Refused(Refusal::Reaped)) => self.look_up_reply(now),
            Err(Stuck::Hindered) => {
                self.start_over(
                    "This node could not restore its holds within a whole lease because Redis rejects a call, and the \
                     other nodes no longer wait for it",
                );
                None
            }
        }
    }

    /// Continues after Redis has refused a call of this node as reaped. If it was, continues under a new id. Returns when to
    /// try again otherwise.
    fn look_up_reply(&mut self, now: Instant) -> Option<Instant> {
        match self.renew_out_of_turn(now) {
            // No lease, but not reaped: the leases were lost. The renewal has restored this node's.
            Ok(false) => None,
            // Redis has applied the batch in flight, and lost the epoch before the node got the reply. Without the reply, the
            // node does not know what to restore.
            Ok(true) => match self.unanswered.map(|_| self.claim(now)) {
                Some(Ok(_)) => None,
                Some(Err(Stuck::Unreachable(retry_at))) => Some(retry_at),
                Some(Err(_)) | None => Some(now + SETTLING_PAUSE),
            },
            // Redis stores the last reply of a reaped node. A batch whose reply was lost gets it now or never.
            Err(_) => match self.claim(now) {
                Err(Stuck::Unreachable(retry_at)) => Some(retry_at),
                Ok(_) | Err(Stuck::Refused(_) | Stuck::Closed(_) | Stuck::Hindered) => {
                    self.start_over("This node was away for longer than its lease and was declared dead");
                    None
                }
            },
        }
    }

    /// Returns when to ask again whether edges may be decided, given the `wait` that Redis returned. The lease is renewed
    /// meanwhile. If this node does not know the settling, the next step looks for it: it may wait for this node.
    fn ask_again_at(&mut self, now: Instant, wait: Duration) -> Instant {
        if self.session.settling().is_empty() {
            self.session.poll_next();
        }
        let until = self.session.renew_at.map_or(now + wait, |renew_at| renew_at.min(now + wait));
        until.max(now + SETTLING_PAUSE)
    }

    fn try_step(&mut self, now: Instant) -> Result<(), Stuck> {
        let began = Instant::now();
        self.open_session(now)?;
        self.restore_holds(now)?;
        loop {
            let now = now + began.elapsed();
            self.renew_lease(now)?;
            self.confirm_holds(now)?;
            let is_reaping = self.reap_the_dead(now)?;
            let is_resuming = self.check_suspended(now)?;
            if self.stop.raised() || !(self.claim(now)? || is_reaping || is_resuming) {
                break;
            }
        }
        self.compare_holds(now)?;
        self.audit_the_roster(now)
    }

    /// Renews the lease outside the schedule. Returns `true` if it had not lapsed.
    fn renew_out_of_turn(&mut self, now: Instant) -> Result<bool, Stuck> {
        self.session.renew_next();
        self.renew(now)
    }

    fn renew_lease(&mut self, now: Instant) -> Result<(), Stuck> {
        if self.session.must_renew(now) {
            self.renew(now)?;
        }
        Ok(())
    }

    fn renew(&mut self, now: Instant) -> Result<bool, Stuck> {
        let (session, keys) = (&self.session, &self.keys);
        let known = known(session, &self.node_state);
        let renewal = call_while_full(&mut self.link, |redis| keys.renew(redis, &session.node, &known))??;
        self.session.renewed(renewal.unbroken, now);
        self.grace.schedule(renewal.next_due, now);
        if self.session.may_reap() {
            self.suspect(renewal.lapsed, now);
        }
        Ok(renewal.unbroken)
    }

    /// Sends one batch, and encodes the next one while Redis works on it. Returns `false` if there was none to send.
    fn claim(&mut self, now: Instant) -> Result<bool, Stuck> {
        let Some(claim) = self.next_call(now) else { return Ok(false) };
        let (session, keys, batch) = (&self.session, &self.keys, &claim.batch);
        let mut next = None;
        let prepare = || {
            let batch = self.node_state.lock().pending.next_batch();
            next = batch.map(|batch| keys.claim_call(&session.node, session.epoch().unwrap_or_default(), batch));
        };
        let sent_again = self.unanswered.replace(batch.number) == Some(batch.number);
        let answer = call(&mut self.link, |redis| claim.send(redis, prepare))?;
        self.unanswered = None;
        let verdict = answer?;
        self.last_entries = batch.entries.len();
        // A batch that is sent again may get its stored reply, which has the time of the first execution.
        if !sent_again {
            self.clock.observe(verdict.time_ms);
        }
        self.grace.judged(batch, &verdict, now);
        let counters = &self.telemetry.counters;
        counters.redis_calls.add(1);
        counters.claims.add(batch.claims().count() as u64);
        let judged = |how: u8| verdict.edges.iter().map(|edge| u64::from(*edge == how)).sum::<u64>();
        let edges = verdict.announced + judged(b'1');
        counters.departures_suppressed.add(judged(b'3'));
        counters.edges.add(edges);
        counters.events.add(edges + judged(b'm') + verdict.counted + batch.events() as u64 - verdict.refused);
        counters.client_events_rejected.add(verdict.refused);
        if let Some(refused) = self.full_outbox.add(verdict.refused, now) {
            self.telemetry.log_error(format_args!(
                "Dropped {refused} client events: more than twice outbox_max_events are waiting in their partition of \
                     the outbox, or more than outbox_max_bytes of client events in the whole outbox. Run \
                     resonate-webhooks:status to find the endpoints that do not keep up"
            ));
        }
        let mut node_state = self.node_state.lock();
        node_state.table.counts_answered(now);
        node_state.pending.answered();
        drop(node_state);
        self.node_state.notify();
        self.prepared = next;
        Ok(true)
    }

    /// Returns the batch to send, encoded. After a full batch that is the prepared one, without a wait for the lock.
    fn next_call(&mut self, now: Instant) -> Option<ClaimCall> {
        let prepared = self.prepared.take();
        if prepared.is_none() {
            self.await_fuller_batch();
        }
        let (node, epoch) = (&self.session.node, self.session.epoch().unwrap_or_default());
        prepared.filter(|call| call.is_for(node, epoch)).or_else(|| {
            let batch = self.node_state.lock().batch(self.grace.is_due(now), now)?;
            Some(self.keys.claim_call(node, epoch, batch))
        })
    }

    /// Under load, waits for a full batch: a claimer that is faster than the intake would send many small ones. Several shards
    /// have several claimers, which share the claims of one intake. Without load, a claim waits for nothing.
    fn await_fuller_batch(&mut self) {
        if std::mem::take(&mut self.last_entries) >= MANY {
            let complete = |node_state: &NodeState| self.stop.raised() || node_state.pending.is_batch_complete();
            self.node_state.wait_until(Instant::now() + FILLING, complete);
        }
    }

    /// Continues under a new node id and claims everything that is served, after the node was reaped or has given up its
    /// old id. If the reaping is not finished, the node finishes it first: those departures come before everything that
    /// waits.
    fn start_over(&mut self, why: &str) {
        self.membership.set(None);
        let reaped = self.session.node.clone();
        self.session.reaped((self.next_incarnation)());
        self.lapsed.push(reaped.to_string());
        self.predecessor = Some(reaped.to_string());
        self.node_state.lock().start_over();
        let in_shard = self.link.settings.in_shard();
        self.telemetry.log_warning(format_args!("{why}{in_shard}: {reaped} continues as {}", self.session.node));
    }
}

#[cfg(all(test, feature = "models"))]
#[path = "claimer_models.rs"]
mod models;

#[cfg(test)]
#[path = "claimer_tests.rs"]
mod tests;
