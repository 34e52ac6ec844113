//! Background threads. They survive panics, and other threads can wait for them with a deadline.

use std::cell::RefCell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::thread_limit::ThreadLimit;
use super::{give_way, with_signals_blocked};
use crate::sync::{Builder, Mutex, Receiver, Sender, bounded, sleep};
use crate::telemetry::Telemetry;

/// Enough for TLS and HTTP on one stack. The default of 2 MiB would be reserved for every worker.
const STACK_BYTES: usize = 512 * 1024;

/// The pause before a thread runs again after a panic, so that a thread that panics immediately does not spin.
const RESTART_DELAY: Duration = Duration::from_millis(100);

/// Runs all `jobs` at the same time on threads called `name`, and returns their results in order. The first job runs on the
/// calling thread, and so do those for which the operating system refuses a thread.
pub(crate) fn run_at_once<T: Send, J: FnOnce() -> T + Send>(name: &str, jobs: Vec<J>) -> Vec<T> {
    let mut results: Vec<Option<T>> = jobs.iter().map(|_| None).collect();
    let fill = jobs.into_iter().zip(&mut results).map(|(job, result)| Box::new(|| *result = Some(job())) as Job<'_>);
    run_jobs(name, fill.collect());
    results.into_iter().flatten().collect()
}

/// A job of [`run_at_once`], which stores its result.
type Job<'a> = Box<dyn FnOnce() + Send + 'a>;

/// Runs the jobs for [`run_at_once`], in one function for all types of results.
fn run_jobs(name: &str, jobs: Vec<Job<'_>>) {
    // A thread takes its job when it runs, so a refused one leaves it here.
    let jobs: Vec<Mutex<Option<Job<'_>>>> = jobs.into_iter().map(|job| Mutex::new(Some(job))).collect();
    let run = |job: &Mutex<Option<Job<'_>>>| {
        let taken = job.lock().take();
        if let Some(job) = taken {
            job();
        }
    };
    std::thread::scope(|scope| {
        let start = |job| {
            let thread = std::thread::Builder::new().name(name.to_owned()).stack_size(STACK_BYTES);
            thread.spawn_scoped(scope, move || run(job)).ok()
        };
        let threads: Vec<_> = with_signals_blocked(|| jobs.iter().skip(1).map(start).collect());
        jobs.first().into_iter().for_each(run);
        for (job, thread) in jobs.iter().skip(1).zip(threads) {
            match thread {
                Some(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
                None => run(job),
            }
        }
    });
}

/// The work of a thread.
type Work = Box<dyn FnOnce() + Send>;

thread_local! {
    /// The threads that this thread has reserved, by name.
    static RESERVED: RefCell<Vec<(String, Sender<Work>)>> = const { RefCell::new(Vec::new()) };
}

/// Reserved threads, which wait for work from [`Thread::spawn`]. Unused ones end when this is dropped.
#[derive(Debug)]
pub(crate) struct Reserved(());

impl Reserved {
    /// Reserves a thread for each of `names`. Until this is dropped, [`Thread::spawn`] on the calling thread uses the reserved
    /// thread of the same name instead of starting a new one.
    ///
    /// So a group of threads starts completely or not at all. A group that had started partly would have to be stopped, and
    /// each kind of thread is stopped in a different way.
    ///
    /// # Errors
    /// Returns an error with the exceeded limit and a remedy if the operating system refuses a thread.
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
    /// Starts `body` on a thread named `name`, which has at most 15 bytes (a limit of Linux).
    ///
    /// If `body` panics, the panic is logged and counted, and `body` runs again. State that must survive a panic has to be
    /// outside of `body`. The thread ends when `body` returns.
    ///
    /// # Errors
    /// Returns an error if no thread is [reserved](Reserved) and the operating system refuses a new one.
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
                sleep(RESTART_DELAY);
            }
            // Fails if no thread waits any more.
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

    /// Waits until the thread has ended, at most until `deadline`. Returns `false` if it still runs. Such a thread is leaked,
    /// because a thread stuck in a system call must not delay the end of the process.
    pub(crate) fn wait_until(&self, deadline: Instant) -> bool {
        self.done.recv_deadline(deadline).is_ok()
    }
}

fn start_new(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = Builder::new().name(name.to_owned()).stack_size(STACK_BYTES);
    let started = with_signals_blocked(|| thread.spawn(run)).map(drop);
    // The system's own error is only "Resource temporarily unavailable".
    started.map_err(|error| io::Error::new(error.kind(), ThreadLimit::reached().to_string()))
}

/// Makes the next [`Thread::spawn`] of `name` on this thread fail, as if the operating system refused the thread.
#[cfg(test)]
pub(crate) fn refuse_next(name: &str) {
    let (work, _) = bounded(1);
    RESERVED.with_borrow_mut(|threads| threads.push((name.to_owned(), work)));
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
    fn jobs_run_at_the_same_time_and_their_results_are_in_order() {
        let barrier = std::sync::Barrier::new(8);
        let job = |n: usize| {
            let barrier = &barrier;
            move || {
                barrier.wait();
                n
            }
        };
        assert_eq!(run_at_once("wh-test", (0..8).map(job).collect()), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert!(run_at_once("wh-test", Vec::<fn() -> u8>::new()).is_empty());
    }

    #[test]
    fn a_panic_is_counted_and_logged_and_the_thread_continues() {
        let telemetry = Arc::new(Telemetry::default());
        let mut runs = 0;
        let thread = Thread::spawn("wh-test", Arc::clone(&telemetry), move || {
            runs += 1;
            assert!(runs > 1, "the first run panics");
        });
        let ended = thread.is_ok_and(|thread| thread.wait_until(Instant::now() + Duration::from_secs(10)));
        assert!(ended);
        assert_eq!(telemetry.counters.thread_panics.get(), 1);
        let reported = telemetry.outcomes.take(8);
        assert!(
            matches!(&reported[..], [Outcome::Log { message, .. }] if message.contains("wh-test") && message.contains("the first run panics")),
            "{reported:?}"
        );
    }

    #[test]
    fn a_thread_that_does_not_end_is_leaked_at_the_deadline() {
        let (_hold, wait) = bounded::<()>(0);
        let thread = Thread::spawn("wh-test", Arc::new(Telemetry::default()), move || {
            let _ = wait.recv();
        });
        let ended = thread.is_ok_and(|thread| thread.wait_until(Instant::now() + Duration::from_millis(20)));
        assert!(!ended);
    }

    #[test]
    fn reserved_threads_are_used_by_name_and_unused_ones_end() {
        let reserved = Reserved::new(&["wh-one", "wh-two"]).unwrap();
        let waiting = |name: &str| RESERVED.with_borrow(|threads| threads.iter().any(|(other, _)| other == name));
        let (name, received) = bounded(1);
        Thread::spawn("wh-two", Arc::default(), move || {
            name.send(std::thread::current().name().map(str::to_owned)).unwrap();
        })
        .unwrap();
        assert_eq!(received.recv().unwrap().as_deref(), Some("wh-two"));
        assert!(waiting("wh-one") && !waiting("wh-two"));
        drop(reserved);
        assert!(!waiting("wh-one"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_gives_way_to_the_one_that_started_it() {
        /// `SCHED_BATCH`, see `man 5 proc_pid_stat`.
        const BATCH: &str = "3";
        // The policy is field 41. The name, field 2, may contain spaces, so the split starts with field 3.
        let policy = || {
            let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
            stat.rsplit(')').next().and_then(|fields| fields.split_whitespace().nth(38)).unwrap().to_owned()
        };
        let (usual, (sender, received)) = (policy(), bounded(1));
        Thread::spawn("wh-test", Arc::new(Telemetry::default()), move || sender.send(policy()).unwrap()).unwrap();
        assert_eq!(received.recv().unwrap(), BATCH);
        assert_eq!(policy(), usual);
    }
}
