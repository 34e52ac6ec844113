//! Caches credentials and refreshes them before they expire.
//!
//! ```text
//! time left    ──────────────── EARLY ──────────────────── 0 ──────────────────────▶
//!               use the keys          use the keys,           wait for new keys
//!                                     fetch new ones
//! ```
//! One thread fetches for all. It is one of the threads that need to sign, so nothing is fetched while nothing is sent.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::{Condvar, Mutex};

use super::chain::{ChainLink, WEB_IDENTITY};
use super::metadata::Metadata;
use crate::secret::Secret;

/// Credentials are refreshed this long before they expire. By then the metadata services have new ones.
const EARLY: Duration = Duration::from_secs(300);

/// The interval at which the files are read again.
const FILE_AGE: Duration = Duration::from_secs(60);

/// The minimum interval between two fetches while there are valid credentials. Without credentials, a failed fetch is reported
/// to all callers for this long.
const PAUSE: Duration = Duration::from_secs(1);

/// The keys that sign requests to AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKeys {
    /// The id of the access key.
    pub access_key_id: Secret,
    /// The secret key.
    pub secret_access_key: Secret,
    /// The session token of temporary keys.
    pub session_token: Option<Secret>,
}

impl AccessKeys {
    /// Returns the keys and the token.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        [&self.access_key_id, &self.secret_access_key].into_iter().chain(&self.session_token)
    }
}

/// Keys and the time at which they expire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ExpiringKeys {
    pub(super) keys: AccessKeys,
    pub(super) expire: Option<SystemTime>,
}

/// The credentials of one chain, shared by all endpoints that use it.
pub(crate) struct Provider {
    links: Vec<ChainLink>,
    metadata: Metadata,
    state: Mutex<ProviderState>,
    answered: Condvar,
}

/// The cached credentials and the state of the fetch.
#[derive(Debug, Default)]
struct ProviderState {
    credentials: Option<(Arc<AccessKeys>, Option<SystemTime>)>,
    /// `true` if AWS has refused the credentials.
    refused: bool,
    fetching: bool,
    fetched: Option<SystemTime>,
    failure: Option<Arc<str>>,
    stopped: bool,
}

/// The next step of a thread that needs keys now.
#[derive(Debug, PartialEq, Eq)]
enum KeysStep {
    Use(Arc<AccessKeys>),
    /// Fetch new keys, and use these if that fails.
    FetchOr(Arc<AccessKeys>),
    Fetch,
    Wait,
    Fail(Arc<str>),
}

impl Provider {
    /// Creates a provider. It fetches credentials on first use.
    pub(crate) fn new(links: Vec<ChainLink>) -> Self {
        Self { links, metadata: Metadata::new(), state: Mutex::default(), answered: Condvar::new() }
    }

    /// Returns `true` if this provider uses the same chain.
    pub(crate) fn has_links(&self, links: &[ChainLink]) -> bool {
        self.links == links
    }

    /// Returns valid keys. Waits at most for `timeout` while another thread fetches them.
    ///
    /// # Errors
    /// Returns the reason that there are no keys.
    pub(crate) fn keys(&self, timeout: Duration) -> Result<Arc<AccessKeys>, Arc<str>> {
        let deadline = std::time::Instant::now() + timeout;
        let mut state = self.state.lock();
        loop {
            let otherwise = match state.step(SystemTime::now()) {
                KeysStep::Use(keys) => return Ok(keys),
                KeysStep::Fail(reason) => return Err(reason),
                KeysStep::FetchOr(keys) => Some(keys),
                KeysStep::Fetch => None,
                KeysStep::Wait => {
                    if self.answered.wait_until(&mut state, deadline).timed_out() {
                        return Err(format!("no AWS credentials within {timeout:?}").into());
                    }
                    continue;
                }
            };
            drop(state);
            // The waiting threads wake even if the search panics.
            let (result, panic) = match catch_unwind(AssertUnwindSafe(|| self.search())) {
                Ok(result) => (result, None),
                Err(panic) => (Err("the thread that fetched AWS credentials panicked".to_owned()), Some(panic)),
            };
            let result = self.state.lock().learn(result, SystemTime::now());
            self.answered.notify_all();
            if let Some(panic) = panic {
                resume_unwind(panic);
            }
            return result.or_else(|reason| otherwise.ok_or(reason));
        }
    }

    /// Records that AWS refused `keys`, so that new ones are fetched.
    pub(crate) fn refuse(&self, keys: &Arc<AccessKeys>) {
        let mut state = self.state.lock();
        if state.credentials.as_ref().is_some_and(|(known, _)| Arc::ptr_eq(known, keys)) {
            state.refused = true;
        }
    }

    /// Aborts requests. No more credentials are fetched.
    pub(crate) fn shutdown(&self) {
        self.state.lock().stopped = true;
        self.answered.notify_all();
        self.metadata.shutdown();
    }

    /// Tries the sources of the chain in order.
    fn search(&self) -> Result<ExpiringKeys, String> {
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

impl ProviderState {
    /// Returns the next step. Only one thread at a time gets `Fetch` or `FetchOr`.
    fn step(&mut self, now: SystemTime) -> KeysStep {
        // If the clock was set back, the age is unknown and nothing is paused.
        let paused = self.fetched.is_some_and(|fetched| now.duration_since(fetched).is_ok_and(|since| since < PAUSE));
        let busy = self.fetching || self.stopped;
        if let Some((keys, expire)) = &self.credentials {
            let left = expire.map(|expire| expire.duration_since(now).unwrap_or_default());
            if left.is_none_or(|left| !left.is_zero()) {
                let keys = Arc::clone(keys);
                let early = left.is_some_and(|left| left <= EARLY) || self.refused;
                if !early || busy || paused {
                    return KeysStep::Use(keys);
                }
                self.fetching = true;
                return KeysStep::FetchOr(keys);
            }
        }
        match &self.failure {
            _ if self.stopped => KeysStep::Fail("stopped".into()),
            _ if self.fetching => KeysStep::Wait,
            Some(reason) if paused => KeysStep::Fail(Arc::clone(reason)),
            _ => {
                self.fetching = true;
                KeysStep::Fetch
            }
        }
    }

    fn learn(&mut self, result: Result<ExpiringKeys, String>, now: SystemTime) -> Result<Arc<AccessKeys>, Arc<str>> {
        self.fetching = false;
        self.fetched = Some(now);
        match result {
            Ok(ExpiringKeys { keys, expire }) => {
                // If the fetch returned the refused keys again, they stay refused.
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

    fn refreshed(id: &str) -> KeysStep {
        KeysStep::FetchOr(Arc::new(keys(id)))
    }

    #[test]
    fn one_thread_fetches_for_all_and_keys_are_refreshed_before_they_expire() {
        let mut state = ProviderState::default();
        assert_eq!(state.step(NOW), KeysStep::Fetch);
        assert_eq!(state.step(NOW), KeysStep::Wait, "one thread fetches for all");
        let _ = state.learn(Ok(good_until("a", 3600)), NOW);
        assert_eq!(state.step(after(3299)), used("a"));
        assert_eq!(state.step(after(3300)), refreshed("a"));
        assert_eq!(state.step(after(3300)), used("a"), "one thread fetches for all");
        let _ = state.learn(Ok(good_until("b", 7200)), after(3301));
        assert_eq!(state.step(after(3400)), used("b"));
    }

    #[test]
    fn keys_that_cannot_be_refreshed_are_used_until_they_expire() {
        let mut state = ProviderState::default();
        assert_eq!(state.step(NOW), KeysStep::Fetch);
        let _ = state.learn(Ok(good_until("a", 100)), NOW);
        assert_eq!(state.step(NOW), used("a"), "no second fetch within PAUSE");
        assert_eq!(state.step(after(1)), refreshed("a"));
        let _ = state.learn(Err("away".to_owned()), after(1));
        assert_eq!(state.step(after(1)), used("a"));
        assert_eq!(state.step(after(99)), refreshed("a"));
        let _ = state.learn(Err("away".to_owned()), after(99));
        assert_eq!(state.step(after(100)), KeysStep::Fetch, "expired, and PAUSE is over");
        let _ = state.learn(Err("away".to_owned()), after(100));
        assert_eq!(state.step(after(100)), KeysStep::Fail("away".into()));
        assert_eq!(state.step(after(101)), KeysStep::Fetch);
    }

    #[test]
    fn keys_that_do_not_expire_are_fetched_once() {
        let mut state = ProviderState::default();
        assert_eq!(state.step(NOW), KeysStep::Fetch);
        let _ = state.learn(Ok(ExpiringKeys { keys: keys("a"), expire: None }), NOW);
        assert_eq!(state.step(after(1_000_000)), used("a"));
    }

    #[test]
    fn refused_keys_are_used_until_new_ones_are_found() {
        let mut state = ProviderState::default();
        assert_eq!(state.step(NOW), KeysStep::Fetch);
        let _ = state.learn(Ok(good_until("a", 36_000)), NOW);
        state.refused = true;
        assert_eq!(state.step(after(10)), refreshed("a"));
        let _ = state.learn(Ok(good_until("a", 36_000)), after(10));
        assert_eq!(state.step(after(10)), used("a"));
        assert_eq!(state.step(after(11)), refreshed("a"), "the same keys stay refused");
        let _ = state.learn(Ok(good_until("b", 36_000)), after(11));
        assert_eq!(state.step(after(20)), used("b"));
    }

    #[test]
    fn nothing_is_fetched_after_a_shutdown() {
        let mut state = ProviderState { stopped: true, ..ProviderState::default() };
        assert_eq!(state.step(NOW), KeysStep::Fail("stopped".into()));
    }
}
