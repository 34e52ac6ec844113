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

    /// Removes a worker that has been idle for too long. Returns `false` if it must stay.
    fn retire(&mut self, number: u64) -> bool {
        let retires = self.workers > STANDING_WORKERS && !self.kept;
        if retires {
            self.workers -= 1;
            self.remove(number);
        }
        retires
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
        while let Some(mut attempt) = parking.take().and_then(|parking| self.wait(&parking, IDLE)) {
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

    /// Waits for an attempt. Returns `None` if the worker must end, which it may after `longest`.
    fn wait(&self, parking: &Parking, longest: Duration) -> Option<Attempt> {
        loop {
            match parking.attempt.recv_timeout(longest) {
                Ok(attempt) => return Some(attempt),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) if self.idle.lock().retire(parking.number) => break,
                Err(RecvTimeoutError::Timeout) => {}
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

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::tests::Fixture;
    use super::*;
    use crate::support::wait::{PATIENCE, eventually};

    /// Returns a pool that counts so many workers, none of which is a thread.
    fn pool(fixture: &Fixture, workers: usize) -> WorkerPool {
        let idle = Mutex::new(IdleWorkers { workers, ..IdleWorkers::default() });
        WorkerPool { scheduler: Arc::clone(&fixture.scheduler), idle, _present: bounded(0).0 }
    }

    fn attempt(fixture: &Fixture) -> Attempt {
        fixture.push("a");
        fixture.scheduler.lock().next(Instant::now()).unwrap()
    }

    #[test]
    fn a_worker_that_has_been_idle_for_too_long_ends() {
        let pool = pool(&Fixture::new(1), STANDING_WORKERS + 1);
        let [other, parking] = [(); 2].map(|()| pool.idle.lock().park().unwrap());
        assert!(pool.wait(&parking, Duration::ZERO).is_none());
        let idle = pool.idle.lock();
        let parked: Vec<u64> = idle.parked.iter().map(|(number, _)| *number).collect();
        assert_eq!((idle.workers, parked), (STANDING_WORKERS, vec![other.number]));
    }

    #[test]
    fn standing_workers_do_not_end_and_neither_do_others_while_threads_are_short() {
        for (workers, kept) in [(STANDING_WORKERS, false), (STANDING_WORKERS + 1, true)] {
            let mut idle = IdleWorkers { workers, kept, ..IdleWorkers::default() };
            let parking = idle.park().unwrap();
            assert!(!idle.retire(parking.number));
            assert_eq!((idle.workers, idle.parked.len()), (workers, 1));
        }
    }

    #[test]
    fn a_standing_worker_continues_to_wait_for_an_attempt() {
        let fixture = Fixture::new(1);
        let (pool, attempt) = (pool(&fixture, STANDING_WORKERS), attempt(&fixture));
        let parking = pool.idle.lock().park().unwrap();
        let worker = pool.idle.lock().parked[0].1.clone();
        std::thread::scope(|scope| {
            scope.spawn(move || worker.send(attempt).unwrap());
            assert!(pool.wait(&parking, Duration::ZERO).is_some());
        });
        assert_eq!(pool.idle.lock().workers, STANDING_WORKERS);
    }

    #[test]
    fn a_worker_that_gets_an_attempt_while_it_ends_stays() {
        let fixture = Fixture::new(1);
        let (pool, attempt) = (pool(&fixture, STANDING_WORKERS + 1), attempt(&fixture));
        let parking = pool.idle.lock().park().unwrap();
        let (_, worker) = pool.idle.lock().parked.pop().unwrap();
        let pool = &pool;
        std::thread::scope(|scope| {
            // Owns the channel, so that a worker that does not end fails the test.
            scope.spawn(move || {
                let ends = || (pool.idle.lock().workers == STANDING_WORKERS).then_some(());
                eventually("the worker to end", ends);
                worker.send(attempt).unwrap();
            });
            assert!(pool.wait(&parking, Duration::ZERO).is_some());
        });
        assert_eq!(pool.idle.lock().workers, STANDING_WORKERS + 1);
    }

    #[test]
    fn idle_workers_are_kept_until_threads_are_available_again() {
        let (workers, _gone) = Workers::start(Fixture::new(1).scheduler).unwrap();
        for keep in [true, false] {
            workers.keep_idle(keep);
            assert_eq!(workers.0.idle.lock().kept, keep);
        }
    }

    #[test]
    fn idle_workers_end_with_the_pool() {
        let (workers, gone) = Workers::start(Fixture::new(1).scheduler).unwrap();
        drop(workers);
        assert_eq!(gone.recv_deadline(Instant::now() + PATIENCE), Err(RecvTimeoutError::Disconnected));
    }
}
