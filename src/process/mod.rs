//! Threads and the operating system: signals, scheduling, descriptors, limits and forks.
//!
//! The only file outside `src/php/` that needs `unsafe`.

mod thread;
mod thread_limit;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{LazyLock, Once};

#[cfg(test)]
pub(crate) use thread::refuse_next;
pub(crate) use thread::{Reserved, Thread, run_at_once};

/// Signals that report a fault of the running thread. Blocking them would turn a crash into undefined behaviour.
const FAULT_SIGNALS: [libc::c_int; 6] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGABRT];

/// Runs `start` with every signal except [`FAULT_SIGNALS`] blocked in this thread. Threads inherit the mask of their creator, so
/// a thread that `start` creates never receives those signals.
///
/// PHP blocks signals around critical sections of *its* thread and runs user handlers from it. A signal delivered to another
/// thread would kill the process inside such a section, or run PHP's handler on a thread that is not PHP's.
pub(crate) fn with_signals_blocked<T>(start: impl FnOnce() -> T) -> T {
    /// Restores the mask when `start` returns or panics.
    struct Restore(libc::sigset_t);

    impl Drop for Restore {
        fn drop(&mut self) {
            // SAFETY: `self.0` was filled by pthread_sigmask below; a null third argument asks for no old mask.
            unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, std::ptr::null_mut()) };
        }
    }

    // SAFETY: an all-zero sigset_t is a valid value of this plain C struct, and sigfillset initialises it in full
    // before use. The fault signals are valid signal numbers. pthread_sigmask changes only the calling thread's mask.
    let _restore = unsafe {
        let mut blocked: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut blocked);
        for signal in FAULT_SIGNALS {
            libc::sigdelset(&raw mut blocked, signal);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const blocked, &raw mut before);
        Restore(before)
    };
    start()
}

/// The time slice that our threads request, in nanoseconds. A little more than the default, which is at most 3 ms.
#[cfg(target_os = "linux")]
const SLICE: u64 = 4_000_000;

/// Lets other threads preempt this one when they wake up, such as the event loop when a timer fires or a client sends. This
/// thread preempts no other in turn.
///
/// - On Linux, a thread that wakes up may preempt a running one, unless its policy is `SCHED_BATCH`.
/// - Since Linux 6.12, a thread with a shorter time slice may preempt one with a longer slice at once. Both keep their share of
///   the processor. A much longer slice would have no more effect, and on a busy machine the thread would wait longer for its
///   turn.
///
/// Changes nothing if the system does not support this.
pub(crate) fn give_way() {
    #[cfg(target_os = "linux")]
    if let Some(mut attributes) = scheduling() {
        attributes.sched_policy = libc::SCHED_BATCH.unsigned_abs();
        attributes.sched_priority = 0;
        attributes.sched_runtime = SLICE;
        // SAFETY: 0 means the calling thread, and the struct contains its own size, as set by the system.
        unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
    }
}

/// Returns the scheduling attributes of the calling thread, if the system provides them.
#[cfg(target_os = "linux")]
fn scheduling() -> Option<libc::sched_attr> {
    let size = size_of::<libc::sched_attr>();
    // SAFETY: an all-zero sched_attr is a valid value of this plain C struct. 0 means the calling thread, and the system writes
    // at most `size` bytes.
    unsafe {
        let mut attributes: libc::sched_attr = std::mem::zeroed();
        let failed = libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, size, 0) != 0;
        (!failed).then_some(attributes)
    }
}

/// The first descriptor after the standard streams, which are kept for panic messages.
#[cfg(target_os = "linux")]
const FIRST_DESCRIPTOR: libc::c_uint = 3;

/// Gives this thread, and every thread that it starts from now on, a descriptor table of its own. The table has only the
/// standard streams.
///
/// `select` cannot watch a descriptor numbered 1024 or higher, and the limit of open files counts each table separately. With
/// a table of their own, our threads neither take low numbers from the host nor count against its limit.
///
/// A descriptor is a number in the table of the thread that opened it. A thread with another table must not use or close it.
///
/// # Errors
/// Returns an error if the system does not have this call (Linux before 5.9, other systems) or does not allow it.
pub(crate) fn separate_descriptors() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: The call takes three integers. It replaces the calling thread's table with a copy that lacks the descriptors
        // in the range, so nothing is closed for existing threads.
        let result = unsafe {
            libc::syscall(libc::SYS_close_range, FIRST_DESCRIPTOR, libc::c_uint::MAX, libc::CLOSE_RANGE_UNSHARE)
        };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
    #[cfg(not(target_os = "linux"))]
    Err(io::ErrorKind::Unsupported.into())
}

/// `true` if our threads share the host's descriptor table.
static SHARES_DESCRIPTORS: AtomicBool = AtomicBool::new(false);

/// Records that [`separate_descriptors`] has failed.
pub(crate) fn share_descriptors() {
    SHARES_DESCRIPTORS.store(true, Ordering::Relaxed);
}

/// Returns `true` if our threads share the host's descriptor table.
pub(crate) fn shares_descriptors() -> bool {
    SHARES_DESCRIPTORS.load(Ordering::Relaxed)
}

/// Returns the maximum number of processes and threads of this process's user (`ulimit -u`), or `None` without a limit.
pub(crate) fn most_processes_of_user() -> Option<u64> {
    // SAFETY: The call fills the struct that it gets.
    soft_limit(|limit| unsafe { libc::getrlimit(libc::RLIMIT_NPROC, limit) })
}

/// Returns the maximum number of descriptors in a table (`ulimit -n`), as of the first call.
pub(crate) fn most_descriptors() -> usize {
    static MOST: LazyLock<usize> = LazyLock::new(|| {
        // SAFETY: As above.
        let limit = soft_limit(|limit| unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, limit) });
        limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
    });
    *MOST
}

/// Returns the soft limit that `get` reads, or `None` without one. `get` makes the call because the type of the resource
/// number differs between systems.
fn soft_limit(get: impl FnOnce(*mut libc::rlimit) -> libc::c_int) -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    (get(&raw mut limit) == 0 && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}

/// The number of forks between the process that loaded the library and this one.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// Starts counting forks. Must be called before the first thread starts.
pub(crate) fn watch_forks() {
    static WATCH: Once = Once::new();

    extern "C" fn in_child() {
        // Only an atomic add is safe here: the other threads are gone and may have held any lock.
        FORKS.fetch_add(1, Ordering::Relaxed);
    }

    WATCH.call_once(|| {
        // SAFETY: `in_child` is an extern "C" function that lives as long as the library, which is linked
        // `-z nodelete`, and does nothing but an atomic add.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
}

/// Returns the generation of this process. An engine created in another generation lost its threads in a fork. Its locks, queues
/// and connections belong to the parent and must not be touched.
pub(crate) fn fork_generation() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocked(signal: libc::c_int) -> bool {
        // SAFETY: a null new mask only reads the calling thread's mask into a valid sigset_t.
        unsafe {
            let mut mask: libc::sigset_t = std::mem::zeroed();
            libc::pthread_sigmask(libc::SIG_SETMASK, std::ptr::null(), &raw mut mask);
            libc::sigismember(&raw const mask, signal) == 1
        }
    }

    #[test]
    fn a_thread_started_under_the_mask_receives_only_fault_signals() {
        let handle = with_signals_blocked(|| {
            std::thread::spawn(|| (blocked(libc::SIGTERM), blocked(libc::SIGPROF), blocked(libc::SIGSEGV)))
        });
        assert_eq!(handle.join().ok(), Some((true, true, false)));
        assert!(!blocked(libc::SIGTERM), "the caller's own mask is restored");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn give_way_requests_long_slices_and_keeps_the_nice_value() {
        let (before, after) = std::thread::spawn(|| {
            // SAFETY: 0 means the calling thread. Raising the nice value needs no privilege.
            unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 3) };
            let before = scheduling().unwrap();
            give_way();
            (before, scheduling().unwrap())
        })
        .join()
        .unwrap();
        assert_eq!((before.sched_policy, before.sched_nice), (libc::SCHED_OTHER.unsigned_abs(), 3));
        assert_eq!((after.sched_policy, after.sched_nice), (libc::SCHED_BATCH.unsigned_abs(), 3));
        // A system without custom slices reports 0.
        let slices = before.sched_runtime > 0;
        assert_eq!(after.sched_runtime, if slices { SLICE } else { 0 });
        assert!(before.sched_runtime < SLICE, "the default slice is shorter: {}", before.sched_runtime);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_with_its_own_descriptor_table_takes_no_number_of_the_host() {
        use std::fs::File;
        use std::os::fd::AsRawFd;

        let host: Vec<File> = std::iter::repeat_with(|| File::open("/dev/null").unwrap()).take(64).collect();
        let highest = host.iter().map(AsRawFd::as_raw_fd).max().unwrap();
        let (own, inherited) = std::thread::spawn(|| {
            separate_descriptors().unwrap();
            let own = File::open("/dev/null").unwrap();
            let child = std::thread::spawn(|| File::open("/dev/null").unwrap().as_raw_fd()).join().unwrap();
            (own.as_raw_fd(), child)
        })
        .join()
        .unwrap();
        assert_eq!((own, inherited), (3, 4), "the table was empty, and child threads share it");
        assert!(highest > 4);
        assert!(host.iter().all(|file| file.metadata().is_ok()), "the host's descriptors are still open");
    }

    #[test]
    fn the_mask_is_restored_after_a_panic() {
        let result = std::panic::catch_unwind(|| with_signals_blocked(|| panic!("on purpose")));
        assert!(result.is_err());
        assert!(!blocked(libc::SIGTERM));
    }
}
