//! The applications this process knows, with the credentials that sign their webhooks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use foldhash::HashMap;
use parking_lot::{Mutex, RwLock};

use super::signing_key::SigningKey;
use crate::config::PreviousSecret;
use crate::event::AppId;
use crate::secret::Secret;

/// How long the events of an application wait for the host to know it. After a takeover a node may have to ask for one that
/// it has no connection of; one that was removed never comes.
pub(crate) const UNKNOWN_WAIT: Duration = Duration::from_secs(60);

/// How often the host is asked for it meanwhile: its provider may be a database.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// What signs the webhooks of one application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The public key, sent as `X-Pusher-Key`.
    pub key: String,
    /// The secret of the HMAC.
    pub secret: Secret,
}

impl From<Credentials> for SigningKey {
    fn from(Credentials { key, secret }: Credentials) -> Self {
        Self::of_app(key, &secret, &[])
    }
}

/// The credentials of every application seen so far. They live in memory only.
#[derive(Debug, Default)]
pub struct AppDirectory {
    previous: Vec<(AppId, Vec<PreviousSecret>)>,
    apps: RwLock<HashMap<AppId, Arc<SigningKey>>>,
    wanted: Mutex<HashMap<AppId, Wanted>>,
}

/// An application that the host is asked for.
#[derive(Debug)]
struct Wanted {
    until: Instant,
    next: Instant,
}

impl AppDirectory {
    /// A directory of applications that had these secrets before.
    #[must_use]
    pub fn with_previous(previous: Vec<(AppId, Vec<PreviousSecret>)>) -> Self {
        Self { previous, ..Self::default() }
    }

    /// Takes the credentials of `app`, replacing older ones: a rotated secret signs from the next attempt on.
    pub fn register(&self, app: AppId, Credentials { key, secret }: Credentials) {
        let previous = self.previous.iter().find(|(of, _)| *of == app).map_or(&[][..], |(_, previous)| previous);
        let signing_key = Arc::new(SigningKey::of_app(key, &secret, previous));
        self.apps.write().insert(app, signing_key);
    }

    /// What signs the webhooks of `app`, once registered.
    #[must_use]
    pub(crate) fn signing_key(&self, app: &AppId) -> Option<Arc<SigningKey>> {
        self.apps.read().get(app).cloned()
    }

    /// Up to `limit` of the applications registered so far, in no order.
    #[must_use]
    pub fn known(&self, limit: usize) -> Vec<AppId> {
        self.apps.read().keys().take(limit).cloned().collect()
    }

    /// Has the host asked for an application that is not registered: its events wait.
    pub(crate) fn want(&self, app: &AppId, now: Instant) {
        if self.apps.read().contains_key(app) {
            return;
        }
        let until = now + UNKNOWN_WAIT;
        self.wanted.lock().entry(app.clone()).or_insert(Wanted { until, next: now }).until = until;
    }

    /// The applications to ask the host for now, each again and again until it is registered or has been waited for.
    #[must_use]
    pub(crate) fn take_wanted(&self, now: Instant) -> Vec<AppId> {
        let mut wanted = self.wanted.lock();
        wanted.retain(|app, wanted| wanted.until > now && !self.apps.read().contains_key(app));
        let due = wanted.iter_mut().filter(|(_, wanted)| wanted.next <= now);
        due.map(|(app, wanted)| {
            wanted.next = now + ASK_EVERY;
            app.clone()
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(secret: &str) -> Credentials {
        Credentials { key: "key".to_owned(), secret: Secret::new(secret) }
    }

    #[test]
    fn the_host_is_asked_for_an_application_until_it_is_registered() {
        let (apps, now) = (AppDirectory::default(), Instant::now());
        let app = AppId::from("app");
        apps.want(&app, now);
        assert_eq!(apps.take_wanted(now), std::slice::from_ref(&app));
        assert!(apps.take_wanted(now + ASK_EVERY / 2).is_empty());
        assert_eq!(apps.take_wanted(now + ASK_EVERY), std::slice::from_ref(&app));
        apps.register(app.clone(), credentials("secret"));
        apps.want(&app, now + ASK_EVERY);
        assert!(apps.take_wanted(now + 10 * ASK_EVERY).is_empty());
    }

    #[test]
    fn the_host_is_not_asked_any_more_when_no_event_waits() {
        let (apps, now) = (AppDirectory::default(), Instant::now());
        apps.want(&"app".into(), now);
        apps.want(&"app".into(), now + ASK_EVERY);
        assert_eq!(apps.take_wanted(now + UNKNOWN_WAIT).len(), 1);
        assert!(apps.take_wanted(now + UNKNOWN_WAIT + ASK_EVERY).is_empty());
    }
}
