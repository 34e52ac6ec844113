//! A cache of DNS lookups.
//!
//! A lookup of the system's resolver has no timeout, so it runs on a thread of its own. Each name has one lookup at a time, and
//! all endpoints share the answer:
//!
//! ```text
//! age of the answer   0 ───────── FRESH ─────────────────── STALE ──────▶
//!                      is used      is used once more while    is asked for
//!                                   it is asked for anew       and waited for
//! ```
//! So an endpoint with traffic never waits for DNS, follows a change within half a minute, and lives through an outage
//! of the resolver that is no longer than `STALE`.

use std::collections::HashMap;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fmt, io};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::process::Thread;
use crate::telemetry::Telemetry;

/// The age up to which an answer is used without another lookup.
pub(super) const FRESH: Duration = Duration::from_secs(30);

/// The age up to which an answer is used at all.
const STALE: Duration = Duration::from_secs(300);

/// The age up to which a failure is used: long enough for all callers that waited for it, shorter than the first backoff.
const FAILED: Duration = Duration::from_secs(1);

/// Resolves a name.
type Ask = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;

/// The reason why there is no address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoAddress {
    /// The lookup failed.
    Failed(Arc<str>),
    /// The lookup did not end in time.
    TimedOut,
}

/// The DNS cache of all endpoints.
pub(crate) struct DnsCache {
    ask: Box<Ask>,
    telemetry: Arc<Telemetry>,
    known: Mutex<HashMap<Box<str>, Name>>,
    answered: Condvar,
}

/// The cached state of one name.
#[derive(Debug, Default)]
struct Name {
    addresses: Option<(Arc<[IpAddr]>, Instant)>,
    failure: Option<(Arc<str>, Instant)>,
    asking: bool,
}

/// The next step of a caller that needs an address.
#[derive(Debug, PartialEq, Eq)]
enum LookupStep {
    Use(Arc<[IpAddr]>),
    UseAndAsk(Arc<[IpAddr]>),
    Ask,
    Wait,
    Fail(Arc<str>),
}

impl DnsCache {
    /// An empty cache.
    pub(crate) fn new(telemetry: Arc<Telemetry>) -> Arc<Self> {
        Self::asking(ask_the_system, telemetry)
    }

    pub(super) fn asking(
        ask: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static,
        telemetry: Arc<Telemetry>,
    ) -> Arc<Self> {
        Arc::new(Self { ask: Box::new(ask), telemetry, known: Mutex::default(), answered: Condvar::new() })
    }

    /// The addresses of `name`, in the order in which to try them. Waits at most until `deadline`.
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
                LookupStep::UseAndAsk(addresses) => {
                    // Without a thread, the next caller tries again.
                    entry.asking = self.start_asking(name).is_ok();
                    return Ok(addresses);
                }
                LookupStep::Ask => {
                    if self.start_asking(name).is_err() {
                        // Without a thread, this one does the lookup, and may exceed the deadline.
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

    /// The cached addresses of `name`, without waiting. Looks old ones up again in the background.
    pub(crate) fn known(self: &Arc<Self>, name: &str) -> Option<Arc<[IpAddr]>> {
        let mut known = self.known.lock();
        let entry = known.get_mut(name)?;
        match entry.step(Instant::now()) {
            LookupStep::Use(addresses) => Some(addresses),
            LookupStep::UseAndAsk(addresses) => {
                entry.asking = self.start_asking(name).is_ok();
                Some(addresses)
            }
            LookupStep::Ask => {
                entry.asking = self.start_asking(name).is_ok();
                None
            }
            LookupStep::Wait | LookupStep::Fail(_) => None,
        }
    }

    /// Ages all answers to [`FRESH`].
    #[cfg(test)]
    pub(super) fn age_for_a_test(&self) {
        for name in self.known.lock().values_mut() {
            if let Some((_, learned)) = &mut name.addresses {
                *learned = learned.checked_sub(FRESH).expect("a machine that was started before");
            }
        }
    }

    /// Replaces all answers by failures.
    #[cfg(test)]
    pub(super) fn forget_for_a_test(&self) {
        for name in self.known.lock().values_mut() {
            *name = Name { failure: Some(("lost".into(), Instant::now() + STALE)), ..Name::default() };
        }
    }

    fn start_asking(self: &Arc<Self>, name: &str) -> io::Result<()> {
        let (names, asked) = (Arc::clone(self), Box::<str>::from(name));
        Thread::spawn("wh-dns", Arc::clone(&self.telemetry), move || names.look_up(&asked)).map(drop)
    }

    fn look_up(&self, name: &str) {
        let answer = (self.ask)(name);
        if let Some(entry) = self.known.lock().get_mut(name) {
            entry.learn(answer, Instant::now());
        }
        self.answered.notify_all();
    }
}

impl Name {
    /// Returns whether the entry is still useful.
    fn is_used(&self, now: Instant) -> bool {
        let since = |at: &Instant| now.saturating_duration_since(*at);
        self.asking
            || self.addresses.as_ref().is_some_and(|(_, learned)| since(learned) < STALE)
            || self.failure.as_ref().is_some_and(|(_, at)| since(at) < STALE)
    }

    /// The next step. Returns `Ask` or `UseAndAsk` to one caller only until the lookup ends.
    fn step(&mut self, now: Instant) -> LookupStep {
        let age = |since: &Instant| now.saturating_duration_since(*since);
        let failure = self.failure.as_ref().filter(|(_, at)| age(at) < FAILED);
        if let Some((addresses, learned)) = &self.addresses
            && age(learned) < STALE
        {
            let addresses = Arc::clone(addresses);
            if age(learned) < FRESH || failure.is_some() || std::mem::replace(&mut self.asking, true) {
                return LookupStep::Use(addresses);
            }
            return LookupStep::UseAndAsk(addresses);
        }
        match failure {
            Some((reason, _)) => LookupStep::Fail(Arc::clone(reason)),
            None if std::mem::replace(&mut self.asking, true) => LookupStep::Wait,
            None => LookupStep::Ask,
        }
    }

    fn learn(&mut self, answer: io::Result<Vec<IpAddr>>, now: Instant) {
        self.asking = false;
        match answer {
            Ok(addresses) if !addresses.is_empty() => {
                self.addresses = Some((addresses.into(), now));
                self.failure = None;
            }
            Ok(_) => self.failure = Some(("it has none".into(), now)),
            Err(error) => self.failure = Some((error.to_string().into(), now)),
        }
    }
}

impl fmt::Debug for DnsCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DnsCache").finish_non_exhaustive()
    }
}

fn ask_the_system(name: &str) -> io::Result<Vec<IpAddr>> {
    Ok((name, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crossbeam_channel::unbounded;

    use super::*;

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
    fn an_answer_is_used_for_a_while_then_once_more_while_it_is_asked_for_anew() {
        let (mut name, start) = (Name::default(), Instant::now());
        assert_eq!(name.step(start), LookupStep::Ask);
        assert_eq!(name.step(start), LookupStep::Wait, "one asks for all");
        name.learn(Ok(vec![address(1)]), start);
        assert_eq!(name.step(start + Duration::from_secs(29)), LookupStep::Use(one(1)));
        assert_eq!(name.step(start + FRESH), LookupStep::UseAndAsk(one(1)));
        assert_eq!(name.step(start + FRESH), LookupStep::Use(one(1)), "one asks for all");
        name.learn(Ok(vec![address(2)]), start + FRESH);
        assert_eq!(name.step(start + FRESH), LookupStep::Use(one(2)));
        assert_eq!(name.step(start + FRESH + STALE), LookupStep::Ask, "too old to be of use");
    }

    #[test]
    fn a_failure_is_passed_on_to_all_who_waited_and_then_forgotten() {
        let (mut name, start) = (Name::default(), Instant::now());
        assert_eq!(name.step(start), LookupStep::Ask);
        name.learn(lost(), start);
        assert_eq!(name.step(start), LookupStep::Fail("lost".into()));
        assert_eq!(name.step(start + FAILED), LookupStep::Ask);
        name.learn(Ok(vec![]), start);
        assert_eq!(name.step(start), LookupStep::Fail("it has none".into()));
    }

    #[test]
    fn an_answer_outlives_an_outage_of_the_resolver_for_some_minutes() {
        let (mut name, start) = (Name::default(), Instant::now());
        name.learn(Ok(vec![address(1)]), start);
        let mut now = start + FRESH;
        while now < start + STALE {
            assert_eq!(name.step(now), LookupStep::UseAndAsk(one(1)));
            name.learn(lost(), now);
            assert_eq!(name.step(now), LookupStep::Use(one(1)), "not asked again at once");
            now += FAILED;
        }
        assert_eq!(name.step(now), LookupStep::Ask);
    }

    #[test]
    fn names_that_nobody_asks_for_any_more_are_forgotten() {
        let names = DnsCache::asking(|_| Ok(vec![address(7)]), Arc::default());
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
    fn a_hundred_who_need_a_name_at_once_share_one_lookup_and_later_ones_need_none() {
        let asked = Arc::new(AtomicUsize::new(0));
        let (let_go, held) = unbounded::<()>();
        let counter = Arc::clone(&asked);
        let names = DnsCache::asking(
            move |_| {
                counter.fetch_add(1, Ordering::SeqCst);
                let _ = held.recv();
                Ok(vec![address(7)])
            },
            Arc::default(),
        );
        let deadline = Instant::now() + 20 * SECOND;
        std::thread::scope(|scope| {
            let all: Vec<_> = (0..100).map(|_| scope.spawn(|| names.addresses("example.com", deadline))).collect();
            let_go.send(()).unwrap();
            for one_of_them in all {
                assert_eq!(one_of_them.join().unwrap(), Ok(one(7)));
            }
        });
        assert_eq!(names.addresses("example.com", Instant::now()), Ok(one(7)));
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_resolver_that_does_not_answer_is_waited_for_until_the_deadline() {
        let (_hold, held) = unbounded::<()>();
        let names = DnsCache::asking(
            move |_| {
                let _ = held.recv();
                lost()
            },
            Arc::default(),
        );
        let answer = names.addresses("example.com", Instant::now() + Duration::from_millis(20));
        assert_eq!(answer, Err(NoAddress::TimedOut));
    }
}
