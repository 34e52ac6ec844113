//! The worker threads: one for each attempt under way, at least [`STANDING_WORKERS`].

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::RecvTimeoutError;

use super::{Message, Scheduler};
use crate::delivery::attempt::{Attempt, EndedAttempt};
use crate::process::Thread;
use crate::sync::{Mutex, Receiver, Sender, bounded};

/// The idle time after which a worker ends.
const IDLE: Duration = Duration::from_secs(10);

/// The number of workers that never end, because the system may refuse threads later. With two, one always remains for
/// endpoints that answer (see [`WorkerPermits`](crate::delivery::permits::WorkerPermits)).
pub(crate) const STANDING_WORKERS: usize = 2;

/// The pool of workers. It has no limit of its own: [`WorkerPermits`](crate::delivery::permits::WorkerPermits) limit the
/// number of submitted attempts.
pub(crate) struct Workers(Arc<WorkerPool>);

/// Shared by the workers.
struct WorkerPool {
    scheduler: Arc<Scheduler>,
    idle: Mutex<IdleWorkers>,
    /// Nothing is sent on this channel. It disconnects when the pool and all workers are gone.
    _present: Sender<()>,
}

/// The workers without an attempt. The last one to park is the first to wake, so that workers started for a burst stay idle
/// and end.
#[derive(Debug, Default)]
struct IdleWorkers {
    parked: Vec<(u64, Sender<Attempt>)>,
    parkings: u64,
    /// The number of all workers, idle or busy.
    workers: usize,
    /// Idle workers do not end, because the system may refuse new ones.
    kept: bool,
    stopped: bool,
}

/// A worker's place among the idle ones.
struct Parking {
    number: u64,
    attempt: Receiver<Attempt>,
}

impl Workers {
    /// Starts a pool with its standing workers. Returns it with a channel that disconnects when the pool and all workers are
    /// gone.
    ///
    /// # Errors
    /// Returns an error if the operating system refuses a thread.
    pub(crate) fn start(scheduler: Arc<Scheduler>) -> io::Result<(Self, Receiver<()>)> {
        let (present, gone) = bounded(0);
        let pool = WorkerPool { scheduler, idle: Mutex::default(), _present: present };
        let workers = Self(Arc::new(pool));
        for _ in 0..STANDING_WORKERS {
            workers.add()?;
        }
        Ok((workers, gone))
    }

    /// Gives an attempt to an idle worker, or to a new one.
    ///
    /// # Errors
    /// Returns an error if the operating system refuses another thread.
    pub(crate) fn submit(&self, attempt: &Attempt) -> io::Result<()> {
        loop {
            while let Some((_, worker)) = self.pop_idle() {
                if worker.send(attempt.clone()).is_ok() {
                    return Ok(());
                }
            }
            self.add()?;
        }
    }

    /// Adds an idle worker.
    ///
    /// # Errors
    /// Returns an error if the operating system refuses another thread.
    pub(crate) fn add(&self) -> io::Result<()> {
        let (parking, pool) = (self.0.idle.lock().park(), Arc::clone(&self.0));
        let telemetry = Arc::clone(&pool.scheduler.telemetry);
        let Some(parking) = parking else { return Ok(()) };
        let (number, mut parking) = (parking.number, Some(parking));
        self.0.idle.lock().workers += 1;
        let started = Thread::spawn("wh-post", telemetry, move || pool.work(parking.take()));
        if started.is_err() {
            let mut idle = self.0.idle.lock();
            idle.workers -= 1;
            idle.remove(number);
        }
        started.map(drop)
    }

    /// Returns the number of idle workers.
    pub(crate) fn idle(&self) -> usize {
        self.0.idle.lock().parked.len()
    }

    /// Returns the number of all workers.
    pub(crate) fn count(&self) -> usize {
        self.0.idle.lock().workers
    }

    /// Sets whether idle workers stay instead of ending after [`IDLE`].
    pub(crate) fn keep_idle(&self, keep: bool) {
        self.0.idle.lock().kept = keep;
    }

    fn pop_idle(&self) -> Option<(u64, Sender<Attempt>)> {
        self.0.idle.lock().parked.pop()
    }
}

impl IdleWorkers {
    /// Adds a worker that waits for an attempt. Returns `None` after the stop.
    fn park(&mut self) -> Option<Parking> {
        if self.stopped {
            return None;
        }
        let (wake, attempt) = bounded(1);
        self.parkings += 1;
        self.parked.push((self.parkings, wake));
        Some(Parking { number: self.parkings, attempt })
    }

    fn remove(&mut self, number: u64) {
        self.parked.retain(|(other, _)| *other != number);
    }
}

/// Ends idle workers immediately and busy ones after their attempt.
impl Drop for Workers {
    fn drop(&mut self) {
        let mut idle = self.0.idle.lock();
        idle.stopped = true;
        idle.parked.clear();
    }
}

impl WorkerPool {
    /// Runs a worker until it has been idle for too long. It first waits on `parking`. After a panic `parking` is `None`, and
    /// the worker parks anew.
    fn work(&self, parking: Option<Parking>) {
        let mut parking = parking.or_else(|| self.idle.lock().park());
        while let Some(mut attempt) = parking.take().and_then(|parking| self.wait(&parking)) {
            loop {
                let ended = self.make(&attempt);
                match self.scheduler.complete(attempt.lane, ended) {
                    Some(next) => attempt = next,
                    None => break,
                }
            }
            parking = self.idle.lock().park();
        }
    }

    /// Waits for an attempt. Returns `None` if the worker must end.
    fn wait(&self, parking: &Parking) -> Option<Attempt> {
        loop {
            match parking.attempt.recv_timeout(IDLE) {
                Ok(attempt) => return Some(attempt),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {
                    let mut idle = self.idle.lock();
                    if idle.workers > STANDING_WORKERS && !idle.kept {
                        idle.workers -= 1;
                        idle.remove(parking.number);
                        break;
                    }
                }
            }
        }
        // If `submit` popped this worker before its removal, the attempt has arrived or is about to arrive. Otherwise the
        // channel is disconnected now.
        let attempt = parking.attempt.recv().ok();
        self.idle.lock().workers += usize::from(attempt.is_some());
        attempt
    }

    fn make(&self, attempt: &Attempt) -> EndedAttempt {
        catch_unwind(AssertUnwindSafe(|| self.scheduler.send(attempt))).unwrap_or_else(|panic| {
            // A lane without a result would wait forever.
            let _ = self.scheduler.messages.send(Message::Abandoned { lane: attempt.lane });
            resume_unwind(panic)
        })
    }
}
