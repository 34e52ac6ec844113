//! Caches credentials and refreshes them before they expire.
//!
//! ```text
//! time left    ──────────── EARLY ────────────── 0 ──────▶
//! credentials   are used     are used and         are fetched
//!                            refreshed            and waited for
//! ```
//! One thread fetches for all. It is a thread that is about to sign, so nothing runs while nothing is sent.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::{Condvar, Mutex};

use super::chain::{ChainLink, WEB_IDENTITY};
use super::metadata::Metadata;
use crate::secret::Secret;

/// The time before the expiry at which credentials are refreshed. Metadata services have new ones by then.
const EARLY: Duration = Duration::from_secs(300);

/// The time for which the content of a file is used before it is read again.
const FILE_AGE: Duration = Duration::from_secs(60);

/// The least time between two fetches while there are credentials. Without credentials, a failure is returned for this time.
const PAUSE: Duration = Duration::from_secs(1);

/// The keys that sign calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKeys {
    /// The id of the access key.
    pub access_key_id: Secret,
    /// The key.
    pub secret_access_key: Secret,
    /// The token of keys that expire.
    pub session_token: Option<Secret>,
}

/// Keys with their expiry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ExpiringKeys {
    pub(super) keys: AccessKeys,
    pub(super) expire: Option<SystemTime>,
}

/// The credentials of one chain, for all endpoints that use it.
pub(crate) struct Provider {
    links: Vec<ChainLink>,
    metadata: Metadata,
    state: Mutex<ProviderState>,
    answered: Condvar,
}

/// The cached state.
#[derive(Debug, Default)]
struct ProviderState {
    credentials: Option<(Arc<AccessKeys>, Option<SystemTime>)>,
    /// AWS has refused them.
    refused: bool,
    asking: bool,
    asked: Option<SystemTime>,
    failure: Option<Arc<str>>,
    stopped: bool,
}

/// The next step of a thread that must sign now.
#[derive(Debug, PartialEq, Eq)]
enum KeysStep {
    Use(Arc<AccessKeys>),
    /// Fetch, and use these if that fails.
    AskOr(Arc<AccessKeys>),
    Ask,
    Wait,
    Fail(Arc<str>),
}

impl Provider {
    /// A provider without credentials yet.
    pub(crate) fn new(links: Vec<ChainLink>) -> Self {
        Self { links, metadata: Metadata::new(), state: Mutex::default(), answered: Condvar::new() }
    }

    /// Returns whether it uses the same places.
    pub(crate) fn looks_in(&self, links: &[ChainLink]) -> bool {
        self.links == links
    }

    /// Valid keys. Waits at most for `patience` when another thread is fetching them.
    ///
    /// # Errors
    /// The reason why there are none.
    pub(crate) fn keys(&self, patience: Duration) -> Result<Arc<AccessKeys>, Arc<str>> {
        let deadline = std::time::Instant::now() + patience;
        let mut state = self.state.lock();
        loop {
            let otherwise = match state.step(SystemTime::now()) {
                KeysStep::Use(keys) => return Ok(keys),
                KeysStep::Fail(reason) => return Err(reason),
                KeysStep::AskOr(keys) => Some(keys),
                KeysStep::Ask => None,
                KeysStep::Wait => {
                    if self.answered.wait_until(&mut state, deadline).timed_out() {
                        return Err("no AWS credentials in time".into());
                    }
                    continue;
                }
            };
            drop(state);
            let asking = Asking { provider: self, answered: false };
            let answer = asking.finish(self.look());
            return answer.or_else(|reason| otherwise.ok_or(reason));
        }
    }

    /// Records that AWS refused `keys`, so that new ones are fetched.
    pub(crate) fn refuse(&self, keys: &Arc<AccessKeys>) {
        let mut state = self.state.lock();
        if state.credentials.as_ref().is_some_and(|(known, _)| Arc::ptr_eq(known, keys)) {
            state.refused = true;
        }
    }

    /// Breaks off requests.
    pub(crate) fn shutdown(&self) {
        self.state.lock().stopped = true;
        self.answered.notify_all();
        self.metadata.shutdown();
    }

    /// Tries the places of the chain in order.
    fn look(&self) -> Result<ExpiringKeys, String> {
        for link in &self.links {
            let found = match link {
                ChainLink::Known(keys) => Some(ExpiringKeys { keys: keys.clone(), expire: None }),
                ChainLink::Profile { name, named, files } => match files.keys(name)? {
                    None if *named => return Err(format!("AWS profile {name:?} has no credentials")),
                    keys => keys.map(|keys| ExpiringKeys { keys, expire: Some(SystemTime::now() + FILE_AGE + EARLY) }),
                },
                ChainLink::Container { uri, token } => Some(self.metadata.of_container(uri, token)?),
                ChainLink::WebIdentity => return Err(format!("no AWS credentials: {WEB_IDENTITY}")),
                ChainLink::Instance { host } => Some(self.metadata.of_instance(host)?),
            };
            if let Some(credentials) = found {
                return Ok(credentials);
            }
        }
        Err("no AWS credentials in the config, the environment or ~/.aws".to_owned())
    }
}

/// A fetch under way. It wakes waiting threads even when it ends by a panic.
struct Asking<'a> {
    provider: &'a Provider,
    answered: bool,
}

impl Asking<'_> {
    fn finish(mut self, answer: Result<ExpiringKeys, String>) -> Result<Arc<AccessKeys>, Arc<str>> {
        self.answered = true;
        self.tell(answer)
    }

    fn tell(&self, answer: Result<ExpiringKeys, String>) -> Result<Arc<AccessKeys>, Arc<str>> {
        let told = self.provider.state.lock().learn(answer, SystemTime::now());
        self.provider.answered.notify_all();
        told
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if !self.answered {
            let _ = self.tell(Err("the asking thread panicked".to_owned()));
        }
    }
}

impl ProviderState {
    /// The next step. Only one thread at a time gets `Ask` or `AskOr`.
    fn step(&mut self, now: SystemTime) -> KeysStep {
        // If the clock was set back, the age is unknown.
        let paused = self.asked.is_some_and(|asked| now.duration_since(asked).is_ok_and(|since| since < PAUSE));
        let busy = self.asking || self.stopped;
        if let Some((keys, expire)) = &self.credentials {
            let left = expire.map(|expire| expire.duration_since(now).unwrap_or_default());
            if left.is_none_or(|left| !left.is_zero()) {
                let keys = Arc::clone(keys);
                let early = left.is_some_and(|left| left <= EARLY) || self.refused;
                if !early || busy || paused {
                    return KeysStep::Use(keys);
                }
                self.asking = true;
                return KeysStep::AskOr(keys);
            }
        }
        match &self.failure {
            _ if self.stopped => KeysStep::Fail("stopped".into()),
            _ if self.asking => KeysStep::Wait,
            Some(reason) if paused => KeysStep::Fail(Arc::clone(reason)),
            _ => {
                self.asking = true;
                KeysStep::Ask
            }
        }
    }

    fn learn(&mut self, answer: Result<ExpiringKeys, String>, now: SystemTime) -> Result<Arc<AccessKeys>, Arc<str>> {
        self.asking = false;
        self.asked = Some(now);
        match answer {
            Ok(ExpiringKeys { keys, expire }) => {
                // The refused keys stay refused: there are no new ones yet.
                let same = self.credentials.as_ref().is_some_and(|(known, _)| **known == keys);
                self.refused &= same;
                self.failure = None;
                let keys = Arc::new(keys);
                self.credentials = Some((Arc::clone(&keys), expire));
                Ok(keys)
            }
            Err(reason) => {
                let reason: Arc<str> = reason.into();
                self.failure = Some(Arc::clone(&reason));
                Err(reason)
            }
        }
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    const NOW: SystemTime = UNIX_EPOCH;

    fn keys(id: &str) -> AccessKeys {
        AccessKeys { access_key_id: Secret::new(id), secret_access_key: Secret::new("secret"), session_token: None }
    }

    fn after(seconds: u64) -> SystemTime {
        NOW + Duration::from_secs(seconds)
    }

    fn good_until(id: &str, seconds: u64) -> ExpiringKeys {
        ExpiringKeys { keys: keys(id), expire: Some(after(seconds)) }
    }

    fn used(id: &str) -> KeysStep {
        KeysStep::Use(Arc::new(keys(id)))
    }

    fn used_unless_others(id: &str) -> KeysStep {
        KeysStep::AskOr(Arc::new(keys(id)))
    }

    #[test]
    fn one_asks_for_all_and_others_are_asked_for_before_they_expire() {
        let mut state = ProviderState::default();
        assert_eq!(state.step(NOW), KeysStep::Ask);
        assert_eq!(state.step(NOW), KeysStep::Wait, "one asks for all");
        let _ = state.learn(Ok(good_until("a", 3600)), NOW);
        assert_eq!(state.step(after(3299)), used("a"));
        assert_eq!(state.step(after(3300)), used_unless_others("a"));
        assert_eq!(state.step(after(3300)), used("a"), "one asks for all");
        let _ = state.learn(Ok(good_until("b", 7200)), after(3301));
        assert_eq!(state.step(after(3400)), used("b"));
    }

    #[test]
    fn while_nobody_has_others_they_are_used_to_their_end() {
        let mut state = ProviderState::default();
        assert_eq!(state.step(NOW), KeysStep::Ask);
        let _ = state.learn(Ok(good_until("a", 100)), NOW);
        assert_eq!(state.step(NOW), used("a"), "the same come back, so they are not asked for at once");
        assert_eq!(state.step(after(1)), used_unless_others("a"));
        let _ = state.learn(Err("away".to_owned()), after(1));
        assert_eq!(state.step(after(1)), used("a"));
        assert_eq!(state.step(after(99)), used_unless_others("a"));
        let _ = state.learn(Err("away".to_owned()), after(99));
        assert_eq!(state.step(after(100)), KeysStep::Ask, "expired, and the last question was a second ago");
        let _ = state.learn(Err("away".to_owned()), after(100));
        assert_eq!(state.step(after(100)), KeysStep::Fail("away".into()));
        assert_eq!(state.step(after(101)), KeysStep::Ask);
    }

    #[test]
    fn those_that_do_not_expire_are_asked_for_once() {
        let mut state = ProviderState::default();
        assert_eq!(state.step(NOW), KeysStep::Ask);
        let _ = state.learn(Ok(ExpiringKeys { keys: keys("a"), expire: None }), NOW);
        assert_eq!(state.step(after(1_000_000)), used("a"));
    }

    #[test]
    fn those_that_were_refused_are_used_while_others_are_looked_for() {
        let mut state = ProviderState::default();
        assert_eq!(state.step(NOW), KeysStep::Ask);
        let _ = state.learn(Ok(good_until("a", 36_000)), NOW);
        state.refused = true;
        assert_eq!(state.step(after(10)), used_unless_others("a"));
        let _ = state.learn(Ok(good_until("a", 36_000)), after(10));
        assert_eq!(state.step(after(10)), used("a"));
        assert_eq!(state.step(after(11)), used_unless_others("a"), "still the same ones");
        let _ = state.learn(Ok(good_until("b", 36_000)), after(11));
        assert_eq!(state.step(after(20)), used("b"));
    }

    #[test]
    fn nobody_asks_after_the_end() {
        let mut state = ProviderState { stopped: true, ..ProviderState::default() };
        assert_eq!(state.step(NOW), KeysStep::Fail("stopped".into()));
    }
}
