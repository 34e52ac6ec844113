//! What the operating system does to a process with threads: signals, forks, descriptors, and who waits for whom.
//!
//! The only file outside `src/php/` that needs `unsafe`.

mod thread;
mod thread_limit;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{LazyLock, Once};

pub(crate) use thread::{Reserved, Thread};

/// Signals that report a fault of the running thread itself. Blocking them would turn a crash into undefined behaviour.
const FAULT_SIGNALS: [libc::c_int; 6] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGABRT];

/// Runs `start` with every signal but the faults blocked in this thread, so that a thread started by it never receives
/// one: threads inherit the mask of their creator, for good.
///
/// PHP blocks signals around critical sections of *its* thread and runs user handlers from it. A signal delivered to
/// one of ours would kill the process inside such a section, or run PHP's handler on a thread that PHP does not know.
pub(crate) fn with_signals_blocked<T>(start: impl FnOnce() -> T) -> T {
    /// Restores the mask when `start` returns, and also when it panics.
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

/// The longest that a thread of ours asks to run without a break, in nanoseconds: a little more than the 3 ms, at most, of a
/// thread that asks for nothing.
#[cfg(target_os = "linux")]
const SLICE: u64 = 4_000_000;

/// Has this thread give way to whoever is woken, as the event loop is by its timers and clients, and not the other way round:
///
/// - Linux lets a thread that is woken interrupt another one in the middle of its work, unless its policy is `SCHED_BATCH`.
/// - Since 6.12 it lets who asks for a shorter slice interrupt who asks for a longer one at once. It gets no more of the
///   processor for that, nor the other one less. A much longer slice would do no better, and on a busy machine have the thread
///   wait for its turn as much longer.
///
/// Where that cannot be had, nothing changes.
pub(crate) fn give_way() {
    #[cfg(target_os = "linux")]
    if let Some(mut attributes) = scheduling() {
        attributes.sched_policy = libc::SCHED_BATCH.unsigned_abs();
        attributes.sched_priority = 0;
        attributes.sched_runtime = SLICE;
        // SAFETY: 0 stands for the calling thread, and the struct carries the size that the system gave it.
        unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
    }
}

/// How the calling thread is scheduled, if the system says so.
#[cfg(target_os = "linux")]
fn scheduling() -> Option<libc::sched_attr> {
    let size = size_of::<libc::sched_attr>();
    // SAFETY: an all-zero sched_attr is a valid value of this plain C struct. 0 stands for the calling thread, and the system
    // writes no more than the size that it is told.
    unsafe {
        let mut attributes: libc::sched_attr = std::mem::zeroed();
        let failed = libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, size, 0) != 0;
        (!failed).then_some(attributes)
    }
}

/// The first descriptor after the standard streams, which panic messages still need.
#[cfg(target_os = "linux")]
const FIRST_DESCRIPTOR: libc::c_uint = 3;

/// Gives this thread, and every thread that it starts from now on, a table of descriptors of its own, empty but for the
/// standard streams.
///
/// `select` cannot watch a descriptor numbered 1024 or more, and a limit of open files counts each table apart. So the
/// descriptors of our threads neither take low numbers from the host nor count against its limit.
///
/// A descriptor is a number in the table of the thread that opened it: no other thread may use it, or close it.
///
/// # Errors
/// Where the system has no such call (Linux before 5.9, other systems) or does not allow it.
pub(crate) fn separate_descriptors() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: The call takes three integers. It replaces the calling thread's table by a copy without the descriptors in
        // the range, so nothing is closed for the threads that were there before.
        let result = unsafe {
            libc::syscall(libc::SYS_close_range, FIRST_DESCRIPTOR, libc::c_uint::MAX, libc::CLOSE_RANGE_UNSHARE)
        };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
    #[cfg(not(target_os = "linux"))]
    Err(io::ErrorKind::Unsupported.into())
}

/// Whether the threads of this process share the host's table of descriptors.
static SHARES_DESCRIPTORS: AtomicBool = AtomicBool::new(false);

/// Notes that [`separate_descriptors`] has failed.
pub(crate) fn share_descriptors() {
    SHARES_DESCRIPTORS.store(true, Ordering::Relaxed);
}

/// Whether our threads take descriptors of the host.
pub(crate) fn shares_descriptors() -> bool {
    SHARES_DESCRIPTORS.load(Ordering::Relaxed)
}

/// The most processes and threads that the user of this process may have, `ulimit -u`, if that is limited.
pub(crate) fn most_processes_of_user() -> Option<u64> {
    // SAFETY: The call fills the struct that it is given.
    soft_limit(|limit| unsafe { libc::getrlimit(libc::RLIMIT_NPROC, limit) })
}

/// The most descriptors of a table, `ulimit -n`, as it is when this is first called.
pub(crate) fn most_descriptors() -> usize {
    static MOST: LazyLock<usize> = LazyLock::new(|| {
        // SAFETY: As above.
        let limit = soft_limit(|limit| unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, limit) });
        limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
    });
    *MOST
}

/// What `ask` says of a limit, unless there is none. The type of a resource's number differs from system to system.
fn soft_limit(ask: impl FnOnce(*mut libc::rlimit) -> libc::c_int) -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    (ask(&raw mut limit) == 0 && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}

/// How many forks lie between the process that loaded the library and this one.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// Starts counting forks. Called before the first thread starts.
pub(crate) fn watch_forks() {
    static WATCH: Once = Once::new();

    extern "C" fn in_child() {
        // An atomic add is all that may safely happen here: other threads may have held any lock when they vanished.
        FORKS.fetch_add(1, Ordering::Relaxed);
    }

    WATCH.call_once(|| {
        // SAFETY: `in_child` is an extern "C" function that lives as long as the library, which is linked
        // `-z nodelete`, and does nothing but an atomic add.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
}

/// The generation of this process. An engine made in another generation lost its threads in the fork: its locks,
/// queues and connections belong to the parent and must not be touched.
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
    fn a_thread_started_under_the_mask_receives_no_signal_but_its_own_faults() {
        let handle = with_signals_blocked(|| {
            std::thread::spawn(|| (blocked(libc::SIGTERM), blocked(libc::SIGPROF), blocked(libc::SIGSEGV)))
        });
        assert_eq!(handle.join().ok(), Some((true, true, false)));
        assert!(!blocked(libc::SIGTERM), "the caller's own mask is restored");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_that_gives_way_asks_for_long_slices_and_stays_as_nice_as_it_was() {
        let (before, after) = std::thread::spawn(|| {
            // SAFETY: 0 stands for the calling thread; everybody may make a thread nicer.
            unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 3) };
            let before = scheduling().unwrap();
            give_way();
            (before, scheduling().unwrap())
        })
        .join()
        .unwrap();
        assert_eq!((before.sched_policy, before.sched_nice), (libc::SCHED_OTHER.unsigned_abs(), 3));
        assert_eq!((after.sched_policy, after.sched_nice), (libc::SCHED_BATCH.unsigned_abs(), 3));
        // A system that knows no slices says nothing of them.
        let slices = before.sched_runtime > 0;
        assert_eq!(after.sched_runtime, if slices { SLICE } else { 0 });
        assert!(before.sched_runtime < SLICE, "who asks for nothing has shorter ones: {}", before.sched_runtime);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_with_descriptors_of_its_own_takes_no_number_of_the_others() {
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
        assert_eq!((own, inherited), (3, 4), "the table was empty, and its children share it");
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
