//! The threads that POST: as many as there are attempts to make, [`STANDING_WORKERS`] while nothing is sent. One that has its
//! answer goes on with the next attempt that is due.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use parking_lot::Mutex;

use super::AppDirectory;
use super::batch::Batch;
use super::client::Clients;
use super::desk::Desk;
use super::lanes::Job;
use super::retry::Answer;
use crate::net::RequestLimit;
use crate::outbox::{LaneId, NotKept, Outbox};
use crate::process::Thread;
use crate::telemetry::{Telemetry, UNCONFIGURED};

/// How long a worker waits for the next attempt before it ends.
const IDLE: Duration = Duration::from_secs(10);

/// The workers that never end, whatever there is to send. Later the system may have no thread left: with two there is always
/// one for endpoints that answer (see [`Slots`](super::slots::Slots)).
pub(crate) const STANDING_WORKERS: usize = 2;

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
    /// How many workers there are, idle or not.
    workers: usize,
    /// Whether idle workers stay, because there may be no others.
    kept: bool,
    stopped: bool,
}

/// A worker's place among the idle ones.
struct Parking {
    number: u64,
    job: Receiver<Job>,
}

impl Workers {
    /// A pool with its standing workers, and a channel that is disconnected when the pool and its workers are gone.
    ///
    /// # Errors
    /// When the operating system refuses a thread.
    pub(crate) fn start(
        clients: Arc<Clients>,
        apps: Arc<AppDirectory>,
        outbox: Arc<dyn Outbox>,
        telemetry: Arc<Telemetry>,
        desk: Arc<Desk>,
    ) -> io::Result<(Self, Receiver<()>)> {
        let (present, gone) = bounded(0);
        let pool = Pool { clients, apps, outbox, telemetry, desk, idle: Mutex::default(), _present: present };
        let workers = Self(Arc::new(pool));
        for _ in 0..STANDING_WORKERS {
            workers.add()?;
        }
        Ok((workers, gone))
    }

    /// Hands an attempt to an idle worker, or to a new one, which settles it at the desk.
    ///
    /// # Errors
    /// When the operating system refuses another thread.
    pub(crate) fn submit(&self, job: &Job) -> io::Result<()> {
        loop {
            while let Some((_, worker)) = self.pop_idle() {
                if worker.send(job.clone()).is_ok() {
                    return Ok(());
                }
            }
            self.add()?;
        }
    }

    /// Adds an idle worker.
    ///
    /// # Errors
    /// When the operating system refuses another thread.
    pub(crate) fn add(&self) -> io::Result<()> {
        let (parking, pool, telemetry) =
            (self.0.idle.lock().park(), Arc::clone(&self.0), Arc::clone(&self.0.telemetry));
        let Some(parking) = parking else { return Ok(()) };
        let (number, mut parking) = (parking.number, Some(parking));
        self.0.idle.lock().workers += 1;
        let started = Thread::spawn("wh-post", telemetry, move || pool.work(parking.take()));
        if started.is_err() {
            let mut idle = self.0.idle.lock();
            idle.workers -= 1;
            idle.leave(number);
        }
        started.map(drop)
    }

    /// The number of workers without an attempt.
    pub(crate) fn idle(&self) -> usize {
        self.0.idle.lock().parked.len()
    }

    /// The number of all workers.
    pub(crate) fn count(&self) -> usize {
        self.0.idle.lock().workers
    }

    /// Has idle workers stay, or end after a while.
    pub(crate) fn keep_idle(&self, keep: bool) {
        self.0.idle.lock().kept = keep;
    }

    fn pop_idle(&self) -> Option<(u64, Sender<Job>)> {
        self.0.idle.lock().parked.pop()
    }
}

impl Idle {
    /// A place to wait for an attempt. `None` after the stop.
    fn park(&mut self) -> Option<Parking> {
        if self.stopped {
            return None;
        }
        let (wake, job) = bounded(1);
        self.parkings += 1;
        self.parked.push((self.parkings, wake));
        Some(Parking { number: self.parkings, job })
    }

    fn leave(&mut self, number: u64) {
        self.parked.retain(|(other, _)| *other != number);
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
    /// Works until there is nothing to do for a while, beginning with what `parking` brings; after a panic there is none.
    fn work(&self, parking: Option<Parking>) {
        let mut parking = parking.or_else(|| self.idle.lock().park());
        while let Some(mut job) = parking.take().and_then(|parking| self.wait(&parking)) {
            loop {
                let (answer, took) = self.attempt(&job);
                match self.desk.exchange(job.lane, answer, took) {
                    Some(next) => job = next,
                    None => break,
                }
            }
            parking = self.idle.lock().park();
        }
    }

    /// Waits for an attempt. `None` when the worker is to end: there was none for a while, or will be none.
    fn wait(&self, parking: &Parking) -> Option<Job> {
        loop {
            match parking.job.recv_timeout(IDLE) {
                Ok(job) => return Some(job),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {
                    let mut idle = self.idle.lock();
                    if idle.workers > STANDING_WORKERS && !idle.kept {
                        idle.workers -= 1;
                        idle.leave(parking.number);
                        break;
                    }
                }
            }
        }
        // If the pool took this worker off the list before, the attempt is here or about to be; otherwise the channel is
        // disconnected now.
        let job = parking.job.recv().ok();
        self.idle.lock().workers += usize::from(job.is_some());
        job
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
    fn send(&self, job: &Job, took: &mut Duration) -> Result<Answer, Answer> {
        let Job { id: lane, batch, patience, .. } = job;
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
        let limit = patience.map(RequestLimit::of);
        let answer = client.send(&request);
        drop(limit);
        *took = began.elapsed();
        let interrupted = patience.is_some_and(|patience| *took >= patience) && matches!(answer, Answer::Failed(_));
        Ok(if interrupted { Answer::Interrupted } else { answer })
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
