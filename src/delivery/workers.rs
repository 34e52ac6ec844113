//! The threads that POST: as many as there are attempts to make, none while nothing is sent.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use parking_lot::Mutex;

use super::dispatcher::Message;
use super::http::Client;
use super::lanes::Job;
use super::retry::Answer;
use crate::apps::AppDirectory;
use crate::outbox::{NotKept, Outbox, Wire};
use crate::telemetry::Telemetry;
use crate::thread::Thread;

/// How long a worker waits for the next attempt before it ends.
const IDLE: Duration = Duration::from_secs(10);

/// The pool. Its owner bounds it, by not submitting more attempts at once than there may be workers.
#[derive(Debug)]
pub(crate) struct Workers(Arc<Pool>);

/// What the workers share.
#[derive(Debug)]
struct Pool {
    clients: Arc<[Client]>,
    apps: Arc<AppDirectory>,
    outbox: Arc<dyn Outbox>,
    telemetry: Arc<Telemetry>,
    answers: Sender<Message>,
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
        clients: Arc<[Client]>,
        apps: Arc<AppDirectory>,
        outbox: Arc<dyn Outbox>,
        telemetry: Arc<Telemetry>,
        answers: Sender<Message>,
    ) -> (Self, Receiver<()>) {
        let (present, gone) = bounded(0);
        let pool = Pool { clients, apps, outbox, telemetry, answers, idle: Mutex::default(), _present: present };
        (Self(Arc::new(pool)), gone)
    }

    /// Hands an attempt to an idle worker, or to a new one. The answer comes by the channel of answers.
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
            self.attempt(&job);
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

    fn attempt(&self, job: &Job) {
        let mut reply = Reply { lane: job.lane, answers: &self.answers, answer: None };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let letter = match self.letter(job) {
            Ok(letter) => letter,
            Err(answer) => {
                reply.answer = Some(answer);
                return;
            }
        };
        let body = || letter.unwrap_or_else(|| job.batch.encode());
        let Some(wire) = job.batch.freeze(&self.apps, now, body) else {
            self.apps.want(&job.id.app);
            reply.answer = Some(Answer::UnknownApplication);
            return;
        };
        reply.answer = Some(match self.keep(job, wire) {
            Err(NotKept::Unavailable) => Answer::NotKept,
            Err(NotKept::Fenced) => Answer::Fenced,
            Ok(()) => {
                self.telemetry.counters().attempts.add(1);
                self.clients[job.endpoint].post(job.batch.id(), wire)
            }
        });
    }

    /// The body of the dead letter that the batch is to send again, if it is one and not frozen yet.
    fn letter(&self, job: &Job) -> Result<Option<Vec<u8>>, Answer> {
        let Some(redelivery) = job.batch.redelivery().filter(|_| job.batch.wire().is_none()) else { return Ok(None) };
        match self.outbox.letter(&redelivery.letter) {
            Ok(None) => Err(Answer::Forgotten),
            Ok(letter) => Ok(letter),
            Err(NotKept::Unavailable) => Err(Answer::NotKept),
            Err(NotKept::Fenced) => Err(Answer::Fenced),
        }
    }

    /// Has the outbox keep the batch as it is sent, before it is sent for the first time.
    fn keep(&self, job: &Job, wire: &Wire) -> Result<(), NotKept> {
        if !job.batch.is_kept() {
            self.outbox.keep(&job.id, job.batch.id(), wire, job.batch.events())?;
            job.batch.set_kept();
        }
        Ok(())
    }
}

/// Answers when it goes out of scope, also by a panic: a lane without an answer would wait for ever.
struct Reply<'a> {
    lane: usize,
    answers: &'a Sender<Message>,
    answer: Option<Answer>,
}

impl Drop for Reply<'_> {
    fn drop(&mut self) {
        let answer = self.answer.take().unwrap_or_else(|| Answer::Failed("the sending thread panicked".to_owned()));
        // Nobody listens any more when delivery has been stopped.
        let _ = self.answers.send(Message::Answered { lane: self.lane, answer });
    }
}
