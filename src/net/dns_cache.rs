//! A cache of DNS lookups.
//!
//! A lookup by the system's resolver has no timeout, so it runs on a thread of its own. There is at most one lookup per name
//! at a time, and all endpoints share its result:
//!
//! ```text
//! age of the result   0 ─────────────── FRESH ─────────────────────── STALE ──────────────────▶
//!                       use the result    use the result and look       wait for a new lookup
//!                                         up again in the background
//! ```
//! So an endpoint with traffic never waits for DNS, follows a change within about [`FRESH`] (30 s), and survives a resolver
//! outage of up to [`STALE`] (300 s).

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::process::Thread;
use crate::telemetry::Telemetry;

/// The age up to which a result is used without another lookup.
pub(super) const FRESH: Duration = Duration::from_secs(30);

/// The age up to which a result is used at all.
const STALE: Duration = Duration::from_secs(300);

/// The age up to which a failure is used. Long enough to reach all callers that waited for the lookup, and shorter than the
/// first backoff.
const FAILED: Duration = Duration::from_secs(1);

/// Resolves a name.
type Lookup = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;

/// The reason that there is no address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoAddress {
    /// The lookup failed.
    Failed(Arc<str>),
    /// The lookup did not end in time.
    TimedOut,
}

/// The DNS cache of all endpoints.
#[derive(derive_more::Debug)]
#[debug("DnsCache")]
pub(crate) struct DnsCache {
    lookup: Box<Lookup>,
    telemetry: Arc<Telemetry>,
    known: Mutex<HashMap<Box<str>, Name>>,
    answered: Condvar,
}

/// The cached state of one name.
#[derive(Debug, Default)]
struct Name {
    addresses: Option<(Arc<[IpAddr]>, Instant)>,
    failure: Option<(Arc<str>, Instant)>,
    looking_up: bool,
}

/// The next step of a caller that needs an address.
#[derive(Debug, PartialEq, Eq)]
enum LookupStep {
    Use(Arc<[IpAddr]>),
    UseAndRefresh(Arc<[IpAddr]>),
    LookUp,
    Wait,
    Fail(Arc<str>),
}

impl DnsCache {
    /// Creates an empty cache that uses the system's resolver.
    pub(crate) fn new(telemetry: Arc<Telemetry>) -> Arc<Self> {
        Self::with_lookup(system_lookup, telemetry)
    }

    pub(super) fn with_lookup(
        lookup: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static,
        telemetry: Arc<Telemetry>,
    ) -> Arc<Self> {
        Arc::new(Self { lookup: Box::new(lookup), telemetry, known: Mutex::default(), answered: Condvar::new() })
    }

    /// Returns the addresses of `name`, in the order in which to try them. Waits at most until `deadline`.
    pub(crate) fn addresses(self: &Arc<Self>, name: &str, deadline: Instant) -> Result<Arc<[IpAddr]>, NoAddress> {
        let mut known = self.known.lock();
        loop {
            if !known.contains_key(name) {
                // Removes the names of former endpoints.
                let now = Instant::now();
                known.retain(|_, name| name.is_used(now));
                known.insert(name.into(), Name::default());
            }
            let Some(entry) = known.get_mut(name) else { continue };
            match entry.step(Instant::now()) {
                LookupStep::Use(addresses) => return Ok(addresses),
                LookupStep::Fail(reason) => return Err(NoAddress::Failed(reason)),
                LookupStep::UseAndRefresh(addresses) => {
                    // If no thread could be started, the next caller tries again.
                    entry.looking_up = self.start_lookup(name).is_ok();
                    return Ok(addresses);
                }
                LookupStep::LookUp => {
                    if self.start_lookup(name).is_err() {
                        // No thread could be started, so this thread does the lookup and may exceed the deadline.
                        MutexGuard::unlocked(&mut known, || self.look_up(name));
                        continue;
                    }
                }
                LookupStep::Wait => {}
            }
            if self.answered.wait_until(&mut known, deadline).timed_out() {
                return Err(NoAddress::TimedOut);
            }
        }
    }

    /// Returns the cached addresses of `name` without waiting. Refreshes old ones in the background.
    pub(crate) fn known(self: &Arc<Self>, name: &str) -> Option<Arc<[IpAddr]>> {
        let mut known = self.known.lock();
        let entry = known.get_mut(name)?;
        let step = entry.step(Instant::now());
        if let LookupStep::UseAndRefresh(_) | LookupStep::LookUp = step {
            entry.looking_up = self.start_lookup(name).is_ok();
        }
        match step {
            LookupStep::Use(addresses) | LookupStep::UseAndRefresh(addresses) => Some(addresses),
            LookupStep::LookUp | LookupStep::Wait | LookupStep::Fail(_) => None,
        }
    }

    fn start_lookup(self: &Arc<Self>, name: &str) -> io::Result<()> {
        let (names, name) = (Arc::clone(self), Box::<str>::from(name));
        Thread::spawn("wh-dns", Arc::clone(&self.telemetry), move || names.look_up(&name)).map(drop)
    }

    fn look_up(&self, name: &str) {
        let result = (self.lookup)(name);
        if let Some(entry) = self.known.lock().get_mut(name) {
            entry.learn(result, Instant::now());
        }
        self.answered.notify_all();
    }
}

impl Name {
    /// Returns `true` if the entry is still needed.
    fn is_used(&self, now: Instant) -> bool {
        let since = |at: &Instant| now.saturating_duration_since(*at);
        self.looking_up
            || self.addresses.as_ref().is_some_and(|(_, learned)| since(learned) < STALE)
            || self.failure.as_ref().is_some_and(|(_, at)| since(at) < STALE)
    }

    /// Returns the next step. Only one caller gets `LookUp` or `UseAndRefresh` until that lookup ends.
    fn step(&mut self, now: Instant) -> LookupStep {
        let age = |since: &Instant| now.saturating_duration_since(*since);
        let failure = self.failure.as_ref().filter(|(_, at)| age(at) < FAILED);
        if let Some((addresses, learned)) = &self.addresses
            && age(learned) < STALE
        {
            let addresses = Arc::clone(addresses);
            if age(learned) < FRESH || failure.is_some() || std::mem::replace(&mut self.looking_up, true) {
                return LookupStep::Use(addresses);
            }
            return LookupStep::UseAndRefresh(addresses);
        }
        match failure {
            Some((reason, _)) => LookupStep::Fail(Arc::clone(reason)),
            None if std::mem::replace(&mut self.looking_up, true) => LookupStep::Wait,
            None => LookupStep::LookUp,
        }
    }

    fn learn(&mut self, result: io::Result<Vec<IpAddr>>, now: Instant) {
        self.looking_up = false;
        match result {
            Ok(addresses) if !addresses.is_empty() => {
                self.addresses = Some((addresses.into(), now));
                self.failure = None;
            }
            Ok(_) => self.failure = Some(("the lookup returned none".into(), now)),
            Err(error) => self.failure = Some((error.to_string().into(), now)),
        }
    }
}

fn system_lookup(name: &str) -> io::Result<Vec<IpAddr>> {
    Ok((name, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crossbeam_channel::unbounded;

    use super::*;

    impl DnsCache {
        /// Ages all results to [`FRESH`].
        pub(in crate::net) fn age_for_a_test(&self) {
            for name in self.known.lock().values_mut() {
                if let Some((_, learned)) = &mut name.addresses {
                    *learned = learned.checked_sub(FRESH).expect("the machine has run for longer than FRESH");
                }
            }
        }

        /// Replaces all results with failures.
        pub(in crate::net) fn forget_for_a_test(&self) {
            for name in self.known.lock().values_mut() {
                *name = Name { failure: Some(("lost".into(), Instant::now() + STALE)), ..Name::default() };
            }
        }
    }

    const SECOND: Duration = Duration::from_secs(1);

    fn address(last: u8) -> IpAddr {
        Ipv4Addr::new(192, 0, 2, last).into()
    }

    fn one(last: u8) -> Arc<[IpAddr]> {
        Arc::from([address(last)])
    }

    fn lost() -> io::Result<Vec<IpAddr>> {
        Err(io::Error::other("lost"))
    }

    #[test]
    fn a_result_is_used_while_fresh_and_then_until_a_refresh_ends() {
        let (mut name, start) = (Name::default(), Instant::now());
        assert_eq!(name.step(start), LookupStep::LookUp);
        assert_eq!(name.step(start), LookupStep::Wait, "one lookup serves all callers");
        name.learn(Ok(vec![address(1)]), start);
        assert_eq!(name.step(start + Duration::from_secs(29)), LookupStep::Use(one(1)));
        assert_eq!(name.step(start + FRESH), LookupStep::UseAndRefresh(one(1)));
        assert_eq!(name.step(start + FRESH), LookupStep::Use(one(1)), "one lookup serves all callers");
        name.learn(Ok(vec![address(2)]), start + FRESH);
        assert_eq!(name.step(start + FRESH), LookupStep::Use(one(2)));
        assert_eq!(name.step(start + FRESH + STALE), LookupStep::LookUp, "the result is too old");
    }

    #[test]
    fn a_failure_reaches_all_waiting_callers_and_is_then_forgotten() {
        let (mut name, start) = (Name::default(), Instant::now());
        assert_eq!(name.step(start), LookupStep::LookUp);
        name.learn(lost(), start);
        assert_eq!(name.step(start), LookupStep::Fail("lost".into()));
        assert_eq!(name.step(start + FAILED), LookupStep::LookUp);
        name.learn(Ok(vec![]), start);
        assert_eq!(name.step(start), LookupStep::Fail("the lookup returned none".into()));
    }

    #[test]
    fn a_result_survives_a_resolver_outage_for_some_minutes() {
        let (mut name, start) = (Name::default(), Instant::now());
        name.learn(Ok(vec![address(1)]), start);
        let mut now = start + FRESH;
        while now < start + STALE {
            assert_eq!(name.step(now), LookupStep::UseAndRefresh(one(1)));
            name.learn(lost(), now);
            assert_eq!(name.step(now), LookupStep::Use(one(1)), "no new lookup right after a failure");
            now += FAILED;
        }
        assert_eq!(name.step(now), LookupStep::LookUp);
    }

    #[test]
    fn unused_names_are_forgotten() {
        let names = DnsCache::with_lookup(|_| Ok(vec![address(7)]), Arc::default());
        let deadline = Instant::now() + 20 * SECOND;
        for n in 0..10 {
            names.addresses(&format!("{n}.example.com"), deadline).unwrap();
        }
        assert_eq!(names.known.lock().len(), 10);
        for name in names.known.lock().values_mut().take(9) {
            let (_, learned) = name.addresses.as_mut().unwrap();
            *learned = learned.checked_sub(STALE).unwrap();
        }
        names.addresses("new.example.com", deadline).unwrap();
        assert_eq!(names.known.lock().len(), 2);
    }

    #[test]
    fn a_hundred_concurrent_callers_share_one_lookup_and_later_ones_need_none() {
        let lookups = Arc::new(AtomicUsize::new(0));
        let (release, blocked) = unbounded::<()>();
        let counter = Arc::clone(&lookups);
        let names = DnsCache::with_lookup(
            move |_| {
                counter.fetch_add(1, Ordering::SeqCst);
                let _ = blocked.recv();
                Ok(vec![address(7)])
            },
            Arc::default(),
        );
        let deadline = Instant::now() + 20 * SECOND;
        std::thread::scope(|scope| {
            let all: Vec<_> = (0..100).map(|_| scope.spawn(|| names.addresses("example.com", deadline))).collect();
            release.send(()).unwrap();
            for caller in all {
                assert_eq!(caller.join().unwrap(), Ok(one(7)));
            }
        });
        assert_eq!(names.addresses("example.com", Instant::now()), Ok(one(7)));
        assert_eq!(lookups.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_lookup_that_hangs_times_out_at_the_deadline() {
        let (_hold, blocked) = unbounded::<()>();
        let names = DnsCache::with_lookup(
            move |_| {
                let _ = blocked.recv();
                lost()
            },
            Arc::default(),
        );
        let answer = names.addresses("example.com", Instant::now() + Duration::from_millis(20));
        assert_eq!(answer, Err(NoAddress::TimedOut));
    }
}
