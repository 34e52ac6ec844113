//! The threads that POST: as many as there are attempts to make, none while nothing is sent. One that has its answer goes on
//! with the next attempt that is due.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use parking_lot::Mutex;

use super::batch::Batch;
use super::client::Clients;
use super::desk::Desk;
use super::lanes::Job;
use super::retry::Answer;
use crate::apps::AppDirectory;
use crate::outbox::{LaneId, NotKept, Outbox};
use crate::telemetry::{Telemetry, UNCONFIGURED};
use crate::thread::Thread;

/// How long a worker waits for the next attempt before it ends.
const IDLE: Duration = Duration::from_secs(10);

/// The pool. Its owner bounds it, by not submitting more attempts at once than there may be workers.
#[derive(Debug)]
pub(crate) struct Workers(Arc<Pool>);

/// What the workers share.
#[derive(Debug)]
struct Pool {
    clients: Arc<Clients>,
    apps: Arc<AppDirectory>,
    outbox: Arc<dyn Outbox>,
    telemetry: Arc<Telemetry>,
    desk: Arc<Desk>,
    idle: Mutex<Idle>,
    /// Never sent on: its end tells that pool and workers are gone.
    _present: Sender<()>,
}

/// The workers without an attempt. The last to come is the first to go back to work, so that those which a burst
/// needed, and nothing since, stay idle and end.
#[derive(Debug, Default)]
struct Idle {
    parked: Vec<(u64, Sender<Job>)>,
    parkings: u64,
    stopped: bool,
}

impl Workers {
    /// A pool without threads yet, and a channel that is disconnected when the pool and its workers are gone.
    pub(crate) fn new(
        clients: Arc<Clients>,
        apps: Arc<AppDirectory>,
        outbox: Arc<dyn Outbox>,
        telemetry: Arc<Telemetry>,
        desk: Arc<Desk>,
    ) -> (Self, Receiver<()>) {
        let (present, gone) = bounded(0);
        let pool = Pool { clients, apps, outbox, telemetry, desk, idle: Mutex::default(), _present: present };
        (Self(Arc::new(pool)), gone)
    }

    /// Hands an attempt to an idle worker, or to a new one, which settles it at the desk.
    ///
    /// # Errors
    /// When the operating system refuses another thread.
    pub(crate) fn submit(&self, job: &Job) -> std::io::Result<()> {
        while let Some((_, worker)) = self.pop_idle() {
            if worker.send(job.clone()).is_ok() {
                return Ok(());
            }
        }
        let (pool, mut first) = (Arc::clone(&self.0), Some(job.clone()));
        let telemetry = Arc::clone(&self.0.telemetry);
        Thread::spawn("wh-post", telemetry, move || pool.work(first.take())).map(drop)
    }

    fn pop_idle(&self) -> Option<(u64, Sender<Job>)> {
        self.0.idle.lock().parked.pop()
    }
}

/// Idle workers end at once, busy ones after their attempt.
impl Drop for Workers {
    fn drop(&mut self) {
        let mut idle = self.0.idle.lock();
        idle.stopped = true;
        idle.parked.clear();
    }
}

impl Pool {
    fn work(&self, first: Option<Job>) {
        let mut next = first;
        while let Some(job) = next.take().or_else(|| self.park()) {
            let (answer, took) = self.attempt(&job);
            next = self.desk.exchange(job.lane, answer, took);
        }
    }

    /// Waits for an attempt. `None` when there was none for a while, or will be none.
    fn park(&self) -> Option<Job> {
        let (wake, job) = bounded(1);
        let parking = {
            let mut idle = self.idle.lock();
            if idle.stopped {
                return None;
            }
            idle.parkings += 1;
            let parking = idle.parkings;
            idle.parked.push((parking, wake));
            parking
        };
        match job.recv_timeout(IDLE) {
            Ok(job) => Some(job),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                self.idle.lock().parked.retain(|(other, _)| *other != parking);
                // If the pool took this worker off the list before, the attempt is here or about to be; otherwise the
                // channel is disconnected now.
                job.recv().ok()
            }
        }
    }

    /// Makes an attempt. Returns its answer and how long it took to have it.
    fn attempt(&self, job: &Job) -> (Answer, Duration) {
        let held = Held { lane: job.lane, desk: &self.desk };
        let mut took = Duration::ZERO;
        let answer = self.send(job, &mut took).unwrap_or_else(|unsent| unsent);
        std::mem::forget(held);
        (answer, took)
    }

    /// Freezes the batch, signs it for this attempt and sends it.
    fn send(&self, Job { id: lane, batch, .. }: &Job, took: &mut Duration) -> Result<Answer, Answer> {
        let body = self.freeze(lane, batch)?;
        let Some((client, own)) = self.clients.of(&lane.endpoint) else {
            return Ok(Answer::Failed(UNCONFIGURED.to_owned()));
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let Some(request) = batch.sign(body, now, &self.apps, own.as_ref()) else {
            self.apps.want(&lane.app, Instant::now());
            return Err(Answer::UnknownApplication);
        };
        self.telemetry.counters().attempts.add(1);
        let began = Instant::now();
        let answer = client.send(&request);
        *took = began.elapsed();
        Ok(answer)
    }

    /// The body of the batch, now and at every further attempt. The outbox has it before it is sent for the first time.
    fn freeze<'a>(&self, lane: &LaneId, batch: &'a Batch) -> Result<&'a [u8], Answer> {
        if let Some(body) = batch.body() {
            self.outbox.confirm(batch.events()).map_err(unsent)?;
            return Ok(body);
        }
        let body = self.body(batch)?;
        self.outbox.keep(lane, batch.id(), &body, batch.events()).map_err(unsent)?;
        Ok(batch.freeze(body))
    }

    /// What the batch is to say: its events, or the dead letter that it sends again.
    fn body(&self, batch: &Batch) -> Result<Vec<u8>, Answer> {
        match batch.redelivery() {
            None => Ok(batch.encode(self.outbox.origin())),
            Some(redelivery) => self.outbox.letter(&redelivery.letter).map_err(unsent)?.ok_or(Answer::Forgotten),
        }
    }
}

/// The answer of an attempt that the outbox prevented.
fn unsent(why: NotKept) -> Answer {
    match why {
        NotKept::Unavailable => Answer::NotKept,
        NotKept::Fenced(tenures) => Answer::Fenced { tenures },
    }
}

/// An attempt that is being made. Dropped by a panic only, it is settled by the dispatcher: a lane without an answer would
/// wait for ever.
struct Held<'a> {
    lane: usize,
    desk: &'a Desk,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.desk.abandon(self.lane);
    }
}
