//! The registered applications and the credentials that sign their webhooks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use foldhash::HashMap;
use parking_lot::{Mutex, RwLock};

use super::signing_key::SigningKey;
use crate::config::PreviousSecret;
use crate::event::AppId;
use crate::secret::{Redaction, Secret};

/// The longest time that the events of an unknown application wait. After a takeover, a node may have events of an
/// application that it has not seen and must request it from the host. The host never returns a removed application.
pub(crate) const UNKNOWN_WAIT: Duration = Duration::from_secs(60);

/// The interval between requests to the host, whose application provider may be a database.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// The credentials that sign the webhooks of one application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The public key, sent as `X-Pusher-Key`.
    pub key: String,
    /// The HMAC secret.
    pub secret: Secret,
}

/// The credentials of every application seen so far. They are kept only in memory.
#[derive(Debug, Default)]
pub struct AppRegistry {
    previous: Vec<(AppId, Vec<PreviousSecret>)>,
    apps: RwLock<HashMap<AppId, RegisteredApp>>,
    requested: Mutex<HashMap<AppId, AppRequest>>,
}

/// The known facts about an application.
#[derive(Debug)]
struct RegisteredApp {
    signing_key: Arc<SigningKey>,
    secrets: Arc<Redaction>,
}

/// A request to the host for an application.
#[derive(Debug)]
struct AppRequest {
    until: Instant,
    next: Instant,
}

impl AppRegistry {
    /// Creates a registry with the previous secrets of applications.
    pub(crate) fn with_previous(previous: Vec<(AppId, Vec<PreviousSecret>)>) -> Self {
        Self { previous, ..Self::default() }
    }

    /// Sets the credentials of `app`. The next attempt signs with them.
    pub fn register(&self, app: AppId, Credentials { key, secret }: Credentials) {
        let previous = self.previous.iter().find(|(of, _)| *of == app).map_or(&[][..], |(_, previous)| previous);
        let mut secrets = Redaction::default();
        for known in std::iter::once(&secret).chain(previous.iter().map(|previous| &previous.secret)) {
            secrets.add(known.expose());
        }
        let signing_key = Arc::new(SigningKey::of_app(key, &secret, previous));
        self.apps.write().insert(app, RegisteredApp { signing_key, secrets: Arc::new(secrets) });
    }

    /// Returns the signing key of `app`, if `app` is registered.
    #[must_use]
    pub(crate) fn signing_key(&self, app: &AppId) -> Option<Arc<SigningKey>> {
        self.apps.read().get(app).map(|known| Arc::clone(&known.signing_key))
    }

    /// Returns the secrets of all registered applications.
    pub(crate) fn secrets(&self) -> Vec<Arc<Redaction>> {
        self.apps.read().values().map(|known| Arc::clone(&known.secrets)).collect()
    }

    /// Returns up to `limit` of the registered applications, in no particular order.
    pub(crate) fn known(&self, limit: usize) -> Vec<AppId> {
        self.apps.read().keys().take(limit).cloned().collect()
    }

    /// Requests an application from the host unless it is registered. Its events wait meanwhile.
    pub(crate) fn request(&self, app: &AppId, now: Instant) {
        if self.apps.read().contains_key(app) {
            return;
        }
        let until = now + UNKNOWN_WAIT;
        self.requested.lock().entry(app.clone()).or_insert(AppRequest { until, next: now }).until = until;
    }

    /// Returns the applications to request from the host now. Each is returned repeatedly until it is registered or expires.
    #[must_use]
    pub(crate) fn take_requested(&self, now: Instant) -> Vec<AppId> {
        let mut requested = self.requested.lock();
        requested.retain(|app, request| request.until > now && !self.apps.read().contains_key(app));
        let due = requested.iter_mut().filter(|(_, request)| request.next <= now);
        due.map(|(app, request)| {
            request.next = now + ASK_EVERY;
            app.clone()
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{REDACTED, redact};

    fn credentials(secret: &str) -> Credentials {
        Credentials { key: "key".to_owned(), secret: Secret::new(secret) }
    }

    #[test]
    fn the_host_is_asked_for_an_application_until_it_is_registered() {
        let (apps, now) = (AppRegistry::default(), Instant::now());
        let app = AppId::from("app");
        apps.request(&app, now);
        assert_eq!(apps.take_requested(now), std::slice::from_ref(&app));
        assert!(apps.take_requested(now + ASK_EVERY / 2).is_empty());
        assert_eq!(apps.take_requested(now + ASK_EVERY), std::slice::from_ref(&app));
        apps.register(app.clone(), credentials("secret"));
        apps.request(&app, now + ASK_EVERY);
        assert!(apps.take_requested(now + 10 * ASK_EVERY).is_empty());
    }

    #[test]
    fn a_request_expires_when_no_event_waits_for_the_application() {
        let (apps, now) = (AppRegistry::default(), Instant::now());
        apps.request(&"app".into(), now);
        apps.request(&"app".into(), now + ASK_EVERY);
        assert_eq!(apps.take_requested(now + UNKNOWN_WAIT).len(), 1);
        assert!(apps.take_requested(now + UNKNOWN_WAIT + ASK_EVERY).is_empty());
    }

    /// Returns a registry with the previous secret "before" of `a`, in which `a` and `b` are registered.
    fn rotating() -> AppRegistry {
        let previous = PreviousSecret { secret: Secret::new("before"), until: None };
        let apps = AppRegistry::with_previous(vec![("a".into(), vec![previous])]);
        for app in ["a", "b"] {
            apps.register(app.into(), credentials(&format!("secret of {app}")));
        }
        apps
    }

    #[test]
    fn the_previous_secrets_of_an_application_sign_for_no_other() {
        let apps = rotating();
        let signing = |app: &str| apps.signing_key(&app.into()).unwrap().previous_at(0).count();
        assert_eq!(["a", "b"].map(signing), [1, 0]);
    }

    #[test]
    fn all_secrets_of_all_applications_are_redacted() {
        let secrets = rotating().secrets();
        for secret in ["secret of a", "secret of b", "before"] {
            assert_eq!(redact(secret, secrets.iter().map(|known| &**known)), REDACTED);
        }
    }

    #[test]
    fn a_limited_number_of_the_registered_applications_is_known() {
        let apps = rotating();
        let mut known = apps.known(10);
        known.sort();
        assert_eq!(known, ["a", "b"].map(AppId::from));
        assert_eq!(apps.known(1).len(), 1);
    }
}
