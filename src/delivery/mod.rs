//! From the outbox to the endpoints: at least once, in order, one batch of a lane at a time.
//!
//! | file | what happens there |
//! |---|---|
//! | `dispatcher` | one thread moves events from the outbox into lanes, keeps the timers and starts workers |
//! | `desk` | where it and the workers meet: a worker settles its answer and takes what is due next |
//! | `lanes`, `lane` | pure: which events go where, when a batch is due, what follows from an answer |
//! | `health` | pure: how an endpoint is doing, as its attempts tell |
//! | `slots` | pure: which lane may hold a worker, so that dead endpoints do not starve healthy ones |
//! | `shortage`, `patience` | what is done about a system that gives no more threads |
//! | `batch` | what a batch says, frozen at its first attempt |
//! | `apps`, `signing_key` | whose secrets sign |
//! | `signature` | pure: an attempt, signed when it is made |
//! | `workers`, `client` | the threads that send, and what they send by |
//! | `http`, `lambda` | a POST, and the invocation of a function |
//! | `transport`, `tls` | what an endpoint's settings mean for the way to it, which is `src/net` |
//! | `probe` | a delivery for whoever wants to know whether an endpoint takes it |
//! | `retry` | pure: retry or drop |

mod apps;
mod batch;
mod client;
mod desk;
mod dispatcher;
mod health;
mod http;
mod lambda;
mod lane;
mod lanes;
mod patience;
mod probe;
mod retry;
mod shortage;
mod signature;
mod signing_key;
mod slots;
mod tls;
mod transport;
mod workers;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

pub use self::apps::{AppDirectory, Credentials};
pub use self::probe::{Probe, probe};
pub use self::signature::SignedRequest;
#[cfg(feature = "bench")]
pub(crate) use batch::Batch;

use self::batch::BatchIds;
use self::client::Clients;
use self::desk::Desk;
use self::dispatcher::{Dispatcher, Message};
use self::lane::Limits;
use self::lanes::Lanes;
use self::shortage::Shortage;
use self::slots::MAX_WORKERS;
pub(crate) use self::workers::STANDING_WORKERS;
use self::workers::Workers;
use crate::config::{Config, ConfigError, Endpoint, Payload};
use crate::outbox::Outbox;
use crate::process::Thread;
use crate::report::{DeliveryStatus, EndpointStates, WallClock};
use crate::telemetry::Telemetry;

/// How much later than its deadline the dispatcher may answer a flush, being at work on something.
const FLUSH_MARGIN: Duration = Duration::from_millis(200);

/// What holds for every endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long an event waits for company, and the most event time a batch spans unless its endpoint says otherwise.
    pub flush_interval: Duration,
    /// The most events of a batch.
    pub batch_max_events: usize,
    /// The most bytes of a body, unless a single event is longer.
    pub batch_max_bytes: usize,
}

impl From<&Config> for Settings {
    fn from(config: &Config) -> Self {
        Self {
            flush_interval: config.flush_interval,
            batch_max_events: config.batch_max_events,
            batch_max_bytes: config.batch_max_bytes,
        }
    }
}

/// Events that have not been delivered, counted once for each endpoint that wants them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Not in a batch yet.
    pub waiting: usize,
    /// In a batch whose attempt is under way.
    pub in_flight: usize,
    /// In a batch that waits for its next attempt.
    pub backing_off: usize,
    /// Whether there may be others, in an outbox that could not be read to its end in time.
    pub unread: bool,
}

impl Left {
    /// All of them, as far as they are known.
    #[must_use]
    pub const fn total(&self) -> usize {
        self.waiting + self.in_flight + self.backing_off
    }
}

/// The running delivery of one engine.
///
/// Dropping it stops nothing: events may still come from elsewhere while a process ends. See [`Delivery::stop`].
#[derive(Debug)]
pub struct Delivery {
    outbox: Arc<dyn Outbox>,
    clients: Arc<Clients>,
    desk: Arc<Desk>,
    messages: Sender<Message>,
    signalled: Arc<AtomicBool>,
    dispatcher: Thread,
    workers_gone: Receiver<()>,
}

impl Delivery {
    /// Starts delivering to `endpoints` from `outbox`.
    ///
    /// # Errors
    /// When an endpoint's URL or proxy is none to send to, a TLS file cannot be used, or the operating system refuses a
    /// thread.
    pub fn start(
        outbox: Arc<dyn Outbox>,
        settings: Settings,
        endpoints: Vec<Endpoint>,
        apps: Arc<AppDirectory>,
        telemetry: Arc<Telemetry>,
    ) -> std::io::Result<Self> {
        Self::start_held(None, outbox, settings, endpoints, apps, telemetry)
    }

    /// The same, but nothing is sent before it is known which endpoints are paused, or before this time.
    pub(crate) fn start_held(
        held_until: Option<Instant>,
        outbox: Arc<dyn Outbox>,
        settings: Settings,
        endpoints: Vec<Endpoint>,
        apps: Arc<AppDirectory>,
        telemetry: Arc<Telemetry>,
    ) -> std::io::Result<Self> {
        let limits = Limits {
            flush_interval: settings.flush_interval,
            span: settings.flush_interval,
            max_events: settings.batch_max_events.max(1),
            max_bytes: settings.batch_max_bytes,
            payload: Payload::default(),
        };
        let (messages, inbox) = unbounded();
        let dispatcher = messages.clone();
        // It has ended only after a stop.
        let wake = move || drop(dispatcher.send(Message::Due));
        let clients = Arc::new(Clients::new(&telemetry, wake));
        clients.set(&endpoints).map_err(std::io::Error::other)?;
        let lanes = Lanes::new(endpoints, limits, BatchIds::new(rand::random()), MAX_WORKERS);
        let desk = Desk::new(
            lanes,
            held_until,
            Arc::clone(&outbox),
            Arc::clone(&apps),
            Arc::clone(&telemetry),
            messages.clone(),
        );
        let desk = Arc::new(desk);
        let (workers, workers_gone) =
            Workers::start(Arc::clone(&clients), apps, Arc::clone(&outbox), Arc::clone(&telemetry), Arc::clone(&desk))?;
        let signalled = Arc::new(AtomicBool::new(false));
        let mut dispatcher = Dispatcher {
            desk: Arc::clone(&desk),
            outbox: Arc::clone(&outbox),
            signalled: Arc::clone(&signalled),
            messages: inbox,
            workers,
            clients: Arc::clone(&clients),
            telemetry: Arc::clone(&telemetry),
            incoming: VecDeque::new(),
            flushes: Vec::new(),
            shortage: Shortage::default(),
        };
        let dispatcher = Thread::spawn("wh-dispatch", telemetry, move || dispatcher.run())?;
        Ok(Self { outbox, clients, desk, messages, signalled, dispatcher, workers_gone })
    }

    /// Tells the dispatcher that the outbox has events.
    pub fn wake(&self) {
        if !self.signalled.swap(true, Ordering::SeqCst) {
            // It has ended only after a stop.
            let _ = self.messages.send(Message::Events);
        }
    }

    /// Sends what waits without waiting for company, until nothing is left or `deadline` has come, and returns what is
    /// left. A batch that fails keeps its schedule of retries. What was passed by then is written down and told.
    #[expect(clippy::must_use_candidate, reason = "some only want it done")]
    pub fn flush(&self, deadline: Instant) -> Left {
        let unread = !self.outbox.catch_up(deadline);
        let (reply, left) = bounded(1);
        let _ = self.messages.send(Message::Flush { deadline, reply });
        let left = left
            .recv_deadline(deadline + FLUSH_MARGIN)
            .unwrap_or_else(|_| Left { waiting: self.outbox.queued(), ..Left::default() });
        self.outbox.write_out(deadline);
        Left { unread, ..left }
    }

    /// Ends all threads, breaking off what they send. `false` when some still run at `deadline`: those are connecting,
    /// or looking up a name, and end by the timeouts of their endpoints.
    #[expect(clippy::must_use_candidate, reason = "some only want it done")]
    pub fn stop(&self, deadline: Instant) -> bool {
        // Before anything is broken off: that is no failure.
        self.desk.stop();
        let _ = self.messages.send(Message::Stop);
        self.clients.shutdown();
        // Nothing is ever sent: the answer is the disconnection, when the last owner of the other end is gone.
        let gone =
            || self.workers_gone.recv_deadline(deadline) == Err(crossbeam_channel::RecvTimeoutError::Disconnected);
        self.dispatcher.wait_until(deadline) && gone()
    }

    /// Delivers to `endpoints` from now on. One with the id of another is that one, changed: what waits for it stays.
    /// What waits for one that is not there any more is given up.
    ///
    /// # Errors
    /// When one of them cannot be used; the message names the key. Then nothing has changed.
    pub fn set_endpoints(&self, endpoints: Vec<Endpoint>) -> Result<(), ConfigError> {
        self.clients.set(&endpoints)?;
        self.desk.set_endpoints(endpoints);
        Ok(())
    }

    /// Sends nothing more to endpoints that are paused or disabled, and to the others again.
    pub(crate) fn set_states(&self, states: EndpointStates) {
        self.desk.set_states(states);
    }

    /// How the deliveries are doing, if that is heard of before `deadline`.
    pub(crate) fn status(&self, clock: WallClock, deadline: Instant) -> Option<DeliveryStatus> {
        let (reply, status) = bounded(1);
        self.messages.send(Message::Status { clock, reply }).ok()?;
        status.recv_deadline(deadline).ok()
    }

    /// Events accepted and not delivered yet, counted once for each endpoint that wants them.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.outbox.queued()
    }
}
