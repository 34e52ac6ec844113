//! The thread that starts all others of an engine and owns the handles on them.
//!
//! It gives itself a table of descriptors of its own, and whatever it starts shares that table: sockets, files and lookups
//! of our threads take no number of the host's. The other side of it: a descriptor of ours that PHP's thread used or closed
//! would be one of the host's with the same number. So what owns one never leaves these threads: PHP's thread hands over a
//! job, waits for the result, and even what is stopped is dropped here.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded, unbounded};

use super::running::Running;
use crate::process::{Thread, separate_descriptors, share_descriptors};
use crate::telemetry::{Level, Telemetry};

/// The time by which a job may overrun its deadline.
const MARGIN: Duration = Duration::from_millis(500);

/// Something to do with what runs, if it still does.
type Job = Box<dyn FnOnce(&mut Option<Running>) + Send>;

/// The handle on the thread. When it is dropped, the thread ends.
#[derive(Debug)]
pub(super) struct Root {
    jobs: Sender<Job>,
    thread: Thread,
}

impl Root {
    /// Starts the thread, and on it everything that `start` starts.
    ///
    /// # Errors
    /// When the operating system refuses a thread, and those of `start`.
    pub(super) fn start(
        telemetry: &Arc<Telemetry>,
        start: impl FnOnce() -> io::Result<Running> + Send + 'static,
    ) -> io::Result<Self> {
        let (jobs, inbox) = unbounded::<Job>();
        let (mut running, mut separate, log) = (None, false, Arc::clone(telemetry));
        let thread = Thread::spawn("wh-root", Arc::clone(telemetry), move || {
            // Once, whatever panics: a second table would have none of the descriptors of the first.
            if !std::mem::replace(&mut separate, true) {
                separate_or_warn(&log);
            }
            for job in &inbox {
                job(&mut running);
            }
        })?;
        let root = Self { jobs, thread };
        let started = root.ask(None, move |running| start().map(|started| *running = Some(started)));
        started.unwrap_or_else(|| Err(io::Error::other("a thread panicked while webhooks were started")))?;
        Ok(root)
    }

    /// Does something with what runs, and waits for the result, `deadline` and a little longer. `None` when there is none by
    /// then, or everything was stopped. The result must not own a descriptor.
    pub(super) fn with<T: Send + 'static>(
        &self,
        deadline: Option<Instant>,
        job: impl FnOnce(&Running) -> T + Send + 'static,
    ) -> Option<T> {
        self.ask(deadline, move |running| running.as_ref().map(job)).flatten()
    }

    /// Stops everything by `deadline`. Returns whether all threads have ended.
    pub(super) fn stop(self, deadline: Instant) -> bool {
        let ended =
            self.ask(Some(deadline), move |running| running.take().is_none_or(|running| running.stop(deadline)));
        drop(self.jobs);
        ended == Some(true) && self.thread.wait_until(deadline + MARGIN)
    }

    fn ask<T: Send + 'static>(
        &self,
        deadline: Option<Instant>,
        job: impl FnOnce(&mut Option<Running>) -> T + Send + 'static,
    ) -> Option<T> {
        let (reply, result) = bounded(1);
        let job = move |running: &mut Option<Running>| {
            // Nobody may be waiting any more.
            let _ = reply.send(job(running));
        };
        self.jobs.send(Box::new(job)).ok()?;
        match deadline {
            Some(deadline) => result.recv_deadline(deadline + MARGIN).ok(),
            None => result.recv().ok(),
        }
    }
}

/// Where it cannot be done, webhooks go on with the host's table.
fn separate_or_warn(telemetry: &Telemetry) {
    if let Err(error) = separate_descriptors() {
        share_descriptors();
        telemetry.log(
            Level::Warning,
            format_args!(
                "Connections to endpoints take descriptors of the server, so that it can hold fewer clients: close_range \
                 failed ({error}). Run it on Linux 5.9 or later, and let the container's seccomp profile allow close_range"
            ),
        );
    }
}
