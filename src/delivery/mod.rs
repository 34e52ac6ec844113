//! Delivers events from the outbox to the endpoints: at least once, in order, one batch of a lane at a time.
//!
//! | file | contents |
//! |---|---|
//! | `scheduler` | the lanes behind one lock, the dispatcher thread, the workers |
//! | `lanes`, `lane` | pure: routes events, decides when a batch is due, applies results |
//! | `permits` | pure: bounds the workers of suspect endpoints, so that healthy ones never starve |
//! | `attempt`, `retry` | pure: the result of an attempt, and the decision that follows |
//! | `attempt_limit` | pure: shorter timeouts while the system refuses threads |
//! | `answer` | the beginning of a failed answer, without secrets |
//! | `health` | pure: the health of an endpoint, from its attempts |
//! | `batch` | the events of one POST, frozen before its first attempt |
//! | `sender`, `client` | makes an attempt, with the client of its endpoint |
//! | `http`, `lambda`, `queue` | sends a POST, invokes a function, pushes a job |
//! | `transport`, `tls`, `aws_client` | builds a client of `src/net` from the settings of an endpoint; signs for AWS |
//! | `apps`, `signing_key`, `signature` | the secrets of applications and endpoints, and the signatures |
//! | `test_delivery` | sends one test event |

mod answer;
mod apps;
mod attempt;
mod attempt_limit;
mod aws_client;
mod batch;
mod client;
#[cfg(test)]
mod fuzz;
mod health;
mod http;
mod lambda;
mod lane;
mod lanes;
#[cfg(all(test, feature = "models"))]
mod models;
mod permits;
mod queue;
mod retry;
mod scheduler;
mod sender;
mod signature;
mod signing_key;
mod test_delivery;
mod tls;
mod transport;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::RecvTimeoutError;

pub use self::apps::{AppRegistry, Credentials};
pub use self::signature::SignedRequest;
pub use self::test_delivery::{TestDelivery, test_delivery};
#[cfg(feature = "bench")]
pub(crate) use batch::Batch;

use self::batch::BatchIds;
use self::client::Clients;
use self::lanes::Lanes;
use self::permits::MAX_WORKERS;
pub(crate) use self::scheduler::STANDING_WORKERS;
use self::scheduler::{Dispatcher, Message, Scheduler, ThreadShortage, Workers};
use self::sender::BatchSender;
use crate::config::{ConfigError, Endpoint};
use crate::outbox::Outbox;
use crate::process::Thread;
use crate::report::{DeliveryStatus, EndpointStates, WallClock};
use crate::sync::atomic::Ordering;
use crate::sync::{Receiver, bounded, unbounded};
use crate::telemetry::Telemetry;

/// The extra time that a busy dispatcher gets to answer a flush after its deadline.
const FLUSH_MARGIN: Duration = Duration::from_millis(200);

/// Counts of undelivered events. An event counts once for each endpoint that wants it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Undelivered {
    /// Events that are not in a batch yet.
    pub waiting: usize,
    /// Events in a batch with an attempt under way.
    pub in_flight: usize,
    /// Events in a batch that waits for its next attempt.
    pub backing_off: usize,
    /// `true` if the outbox was not read to its end in time, so there may be more.
    pub unread: bool,
}

impl Undelivered {
    /// Returns the number of all known events.
    #[must_use]
    pub const fn total(&self) -> usize {
        self.waiting + self.in_flight + self.backing_off
    }
}

/// The running delivery of one engine.
///
/// Dropping it stops nothing; call [`Delivery::stop`].
#[derive(Debug)]
pub struct Delivery {
    scheduler: Arc<Scheduler>,
    dispatcher: Thread,
    workers_gone: Receiver<()>,
}

impl Delivery {
    /// Starts delivering to `endpoints` from `outbox`, but sends nothing until the paused endpoints are known, or until
    /// `held_until`.
    ///
    /// # Errors
    /// Returns an error if the URL or proxy of an endpoint is invalid, a TLS file cannot be used, or the operating system
    /// refuses a thread.
    pub fn start(
        held_until: Option<Instant>,
        outbox: Arc<dyn Outbox>,
        endpoints: Vec<Endpoint>,
        apps: Arc<AppRegistry>,
        telemetry: Arc<Telemetry>,
    ) -> std::io::Result<Self> {
        let (messages, inbox) = unbounded();
        let dispatcher = messages.clone();
        // The dispatcher has ended only after a stop.
        let wake = move || drop(dispatcher.send(Message::Due));
        let clients = Clients::new(&telemetry, wake);
        clients.set(&endpoints).map_err(std::io::Error::other)?;
        let lanes = Lanes::new(endpoints, BatchIds::new(rand::random()), MAX_WORKERS);
        let sender = BatchSender { clients, apps, outbox, telemetry: Arc::clone(&telemetry) };
        let scheduler = Arc::new(Scheduler::new(lanes, held_until, sender, messages));
        let (workers, workers_gone) = Workers::start(Arc::clone(&scheduler))?;
        let mut dispatcher = Dispatcher {
            scheduler: Arc::clone(&scheduler),
            messages: inbox,
            workers,
            incoming: VecDeque::new(),
            flushes: Vec::new(),
            shortage: ThreadShortage::default(),
        };
        let dispatcher = Thread::spawn("wh-dispatch", telemetry, move || dispatcher.run())?;
        Ok(Self { scheduler, dispatcher, workers_gone })
    }

    /// Notifies the dispatcher of events in the outbox.
    pub fn wake(&self) {
        if !self.scheduler.signalled.swap(true, Ordering::SeqCst) {
            // The dispatcher has ended only after a stop.
            let _ = self.scheduler.messages.send(Message::Events);
        }
    }

    /// Sends incomplete batches immediately, until no event is left or `deadline` has passed. Returns the events left. A
    /// batch that fails keeps its retry schedule. Persists and reports the acknowledgements made until then.
    #[expect(clippy::must_use_candidate, reason = "some callers need only the effect")]
    pub fn flush(&self, deadline: Instant) -> Undelivered {
        let unread = !self.scheduler.outbox.catch_up(deadline);
        let (reply, left) = bounded(1);
        let _ = self.scheduler.messages.send(Message::Flush { deadline, reply });
        let left = left
            .recv_deadline(deadline + FLUSH_MARGIN)
            .unwrap_or_else(|_| Undelivered { waiting: self.scheduler.outbox.queued(), ..Undelivered::default() });
        self.scheduler.outbox.flush_acks(deadline);
        Undelivered { unread, ..left }
    }

    /// Stops all threads and aborts their requests. Returns `false` if some threads still run at `deadline`. Those are
    /// connecting or resolving a name, and end when their endpoint's timeout expires.
    #[expect(clippy::must_use_candidate, reason = "some callers need only the effect")]
    pub fn stop(&self, deadline: Instant) -> bool {
        // Must come first: a request that the stop aborts must not count as failed.
        self.scheduler.stop();
        let _ = self.scheduler.messages.send(Message::Stop);
        self.scheduler.clients.shutdown();
        // Nothing is ever sent on this channel. It disconnects when the last worker ends.
        let gone = || self.workers_gone.recv_deadline(deadline) == Err(RecvTimeoutError::Disconnected);
        self.dispatcher.wait_until(deadline) && gone()
    }

    /// Replaces the endpoints. An endpoint with a known id keeps its waiting events. The events of a removed endpoint are
    /// dropped.
    ///
    /// # Errors
    /// Returns an error that names the config key if an endpoint cannot be used. Nothing changes in that case.
    pub fn set_endpoints(&self, endpoints: Vec<Endpoint>) -> Result<(), ConfigError> {
        self.scheduler.clients.set(&endpoints)?;
        self.scheduler.set_endpoints(endpoints);
        Ok(())
    }

    /// Stops sending to endpoints that are paused or disabled, and resumes the others.
    pub(crate) fn set_states(&self, states: EndpointStates) {
        self.scheduler.set_states(states);
    }

    /// Returns the status of all deliveries, or `None` if the dispatcher does not answer before `deadline`.
    pub(crate) fn status(&self, clock: WallClock, deadline: Instant) -> Option<DeliveryStatus> {
        let (reply, status) = bounded(1);
        self.scheduler.messages.send(Message::Status { clock, reply }).ok()?;
        status.recv_deadline(deadline).ok()
    }

    /// Returns the status of all deliveries after [`Self::stop`], when there is no dispatcher to ask.
    pub(crate) fn last_status(&self, clock: WallClock) -> DeliveryStatus {
        self.scheduler.lock().lanes().status(clock)
    }

    /// Returns the number of accepted events that are not delivered yet. An event counts once for each endpoint that wants it.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.scheduler.outbox.queued()
    }
}
