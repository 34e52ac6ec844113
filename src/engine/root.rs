//! The root thread, which starts all other threads of an engine and owns their handles.
//!
//! It has its own table of file descriptors, shared by all threads that it starts, so the engine's sockets and files use
//! no descriptor numbers of the host. The same number means another file on PHP's thread: if that thread closed a
//! descriptor of the engine, it would close one of the host's. Therefore, values that own a descriptor never leave the
//! engine's threads. PHP's thread sends a job to the root thread and waits for the result, and stopped parts are dropped
//! on the root thread.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::running::Running;
use crate::process::{Thread, separate_descriptors, share_descriptors};
use crate::sync::{Sender, bounded, unbounded};
use crate::telemetry::Telemetry;

/// The time by which a job may overrun its deadline.
const MARGIN: Duration = Duration::from_millis(500);

/// A job for the root thread. The running engine is `None` after the stop.
type Job = Box<dyn FnOnce(&mut Option<Running>) + Send>;

/// The handle of the root thread, which ends when the handle is dropped.
#[derive(Debug)]
pub(super) struct Root {
    jobs: Sender<Job>,
    thread: Thread,
}

impl Root {
    /// Starts the root thread and runs `start` on it.
    ///
    /// # Errors
    /// If the operating system refuses a thread, and the errors of `start`.
    pub(super) fn start(
        telemetry: &Arc<Telemetry>,
        start: impl FnOnce() -> io::Result<Running> + Send + 'static,
    ) -> io::Result<Self> {
        let (jobs, inbox) = unbounded::<Job>();
        let (mut running, mut separate, log) = (None, false, Arc::clone(telemetry));
        let thread = Thread::spawn("wh-root", Arc::clone(telemetry), move || {
            // Only once, even if a job panics and the thread restarts: a new table would lack the descriptors of the
            // first one.
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

    /// Runs a job on the root thread and waits for the result until `deadline` plus [`MARGIN`]. Returns `None` after
    /// that time, and if the engine has been stopped. The result must not own a descriptor.
    pub(super) fn with<T: Send + 'static>(
        &self,
        deadline: Option<Instant>,
        job: impl FnOnce(&Running) -> T + Send + 'static,
    ) -> Option<T> {
        self.ask(deadline, move |running| running.as_ref().map(job)).flatten()
    }

    /// Stops all threads by `deadline`. Returns `true` if all have ended.
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
            // Fails if the caller has stopped waiting.
            let _ = reply.send(job(running));
        };
        self.jobs.send(Box::new(job)).ok()?;
        match deadline {
            Some(deadline) => result.recv_deadline(deadline + MARGIN).ok(),
            None => result.recv().ok(),
        }
    }
}

/// Separates the table of descriptors. If that fails, the threads share the host's table, with a warning.
fn separate_or_warn(telemetry: &Telemetry) {
    if let Err(error) = separate_descriptors() {
        share_descriptors();
        telemetry.log_warning(format_args!(
            "Webhook connections use file descriptors of the server, which can hold fewer clients: close_range failed \
                 ({error}). Use Linux 5.9 or later, and allow close_range in the container's seccomp profile"
        ));
    }
}
