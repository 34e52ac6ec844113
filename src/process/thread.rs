//! Background threads that survive their own panics and can be waited for with a deadline.

use std::cell::RefCell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::thread_limit::ThreadLimit;
use super::{give_way, with_signals_blocked};
use crate::telemetry::Telemetry;

/// Enough for TLS and HTTP on one stack; the default of 2 MiB would be reserved for every worker.
const STACK_BYTES: usize = 512 * 1024;

/// A pause before a thread runs again after a panic, so that one which panics at once does not spin.
const RESTART_DELAY: Duration = Duration::from_millis(100);

/// What a thread does.
type Work = Box<dyn FnOnce() + Send>;

thread_local! {
    /// Threads that this one has reserved, by name.
    static RESERVED: RefCell<Vec<(String, Sender<Work>)>> = const { RefCell::new(Vec::new()) };
}

/// Threads that wait to be started by [`Thread::spawn`]. Those that were not end with this.
#[derive(Debug)]
pub(crate) struct Reserved(());

impl Reserved {
    /// Has the system start a thread for each of `names`. Until this is dropped, [`Thread::spawn`] on the calling thread takes
    /// one of these before it asks for another.
    ///
    /// So a group of threads starts whole or not at all: a part of it would have to be stopped, by ways that differ.
    ///
    /// # Errors
    /// When the operating system refuses one of them: the limit that is reached, and what to do.
    pub(crate) fn new(names: &[&str]) -> io::Result<Self> {
        let reserved = Self(());
        for name in names {
            let (work, inbox) = bounded::<Work>(1);
            start_new(name, move || inbox.recv().map_or((), |work| work())).map_err(|error| {
                io::Error::new(error.kind(), format!("no room for {} threads: {error}", names.len()))
            })?;
            RESERVED.with_borrow_mut(|threads| threads.push(((*name).to_owned(), work)));
        }
        Ok(reserved)
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        RESERVED.take();
    }
}

/// A running thread.
#[derive(Debug)]
pub(crate) struct Thread {
    done: Receiver<()>,
}

impl Thread {
    /// Starts `body` on a thread called `name` (at most 15 bytes, a limit of Linux).
    ///
    /// A panic in `body` is logged and counted and `body` runs again: whatever it must not lose, it keeps outside. The
    /// thread ends when `body` returns.
    ///
    /// # Errors
    /// When none is [reserved](Reserved) and the operating system refuses another.
    pub(crate) fn spawn(
        name: &str,
        telemetry: Arc<Telemetry>,
        mut body: impl FnMut() + Send + 'static,
    ) -> io::Result<Self> {
        debug_assert!(name.len() <= 15, "Linux cuts thread names at 15 bytes: {name}");
        let (ended, done) = bounded(1);
        let label = name.to_owned();
        let run = move || {
            give_way();
            while let Err(panic) = catch_unwind(AssertUnwindSafe(&mut body)) {
                telemetry.thread_panicked(&label, panic_message(&*panic));
                std::thread::sleep(RESTART_DELAY);
            }
            // Nobody may be waiting any more: then there is nobody to tell.
            let _ = ended.send(());
        };
        let reserved = RESERVED.with_borrow_mut(|threads| {
            let place = threads.iter().position(|(reserved, _)| reserved == name)?;
            Some(threads.swap_remove(place).1)
        });
        match reserved {
            Some(thread) => thread.send(Box::new(run)).map_err(|_| io::Error::other("a reserved thread has ended"))?,
            None => start_new(name, run)?,
        }
        Ok(Self { done })
    }

    /// Waits until the thread has ended, at most until `deadline`. `false` when it still runs: it is then left behind,
    /// for a thread stuck in a system call must not hold up the end of the process.
    pub(crate) fn wait_until(&self, deadline: Instant) -> bool {
        self.done.recv_deadline(deadline).is_ok()
    }
}

fn start_new(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = std::thread::Builder::new().name(name.to_owned()).stack_size(STACK_BYTES);
    let started = with_signals_blocked(|| thread.spawn(run)).map(drop);
    // The system's own words are "Resource temporarily unavailable".
    started.map_err(|error| io::Error::new(error.kind(), ThreadLimit::reached().to_string()))
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Outcome;

    #[test]
    fn a_panic_is_counted_reported_and_the_thread_goes_on() {
        let telemetry = Arc::new(Telemetry::default());
        let mut runs = 0;
        let thread = Thread::spawn("wh-test", Arc::clone(&telemetry), move || {
            runs += 1;
            assert!(runs > 1, "the first run panics");
        });
        let ended = thread.is_ok_and(|thread| thread.wait_until(Instant::now() + Duration::from_secs(10)));
        assert!(ended);
        assert_eq!(telemetry.counters().thread_panics.get(), 1);
        let reported = telemetry.outcomes().take(8);
        assert!(
            matches!(&reported[..], [Outcome::Log { message, .. }] if message.contains("wh-test") && message.contains("the first run panics")),
            "{reported:?}"
        );
    }

    #[test]
    fn a_thread_that_does_not_end_is_left_behind_at_the_deadline() {
        let (_hold, wait) = bounded::<()>(0);
        let thread = Thread::spawn("wh-test", Arc::new(Telemetry::default()), move || {
            let _ = wait.recv();
        });
        let ended = thread.is_ok_and(|thread| thread.wait_until(Instant::now() + Duration::from_millis(20)));
        assert!(!ended);
    }

    #[test]
    fn reserved_threads_are_taken_by_their_names_and_the_others_end() {
        let reserved = Reserved::new(&["wh-one", "wh-two"]).unwrap();
        let waiting = |name: &str| RESERVED.with_borrow(|threads| threads.iter().any(|(other, _)| other == name));
        let (tell, told) = bounded(1);
        Thread::spawn("wh-two", Arc::default(), move || {
            tell.send(std::thread::current().name().map(str::to_owned)).unwrap();
        })
        .unwrap();
        assert_eq!(told.recv().unwrap().as_deref(), Some("wh-two"));
        assert!(waiting("wh-one") && !waiting("wh-two"));
        drop(reserved);
        assert!(!waiting("wh-one"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_gives_way_to_the_one_that_started_it() {
        /// `SCHED_BATCH`, in `man 5 proc_pid_stat`.
        const BATCH: &str = "3";
        // Behind the name, which may hold spaces, from the third field on; the policy is the 41st.
        let policy = || {
            let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
            stat.rsplit(')').next().and_then(|fields| fields.split_whitespace().nth(38)).unwrap().to_owned()
        };
        let (usual, (tell, told)) = (policy(), bounded(1));
        Thread::spawn("wh-test", Arc::new(Telemetry::default()), move || tell.send(policy()).unwrap()).unwrap();
        assert_eq!(told.recv().unwrap(), BATCH);
        assert_eq!(policy(), usual);
    }
}
