//! The applications this process knows, with the credentials that sign their webhooks.

use std::collections::HashSet;
use std::sync::Arc;

use foldhash::HashMap;
use parking_lot::{Mutex, RwLock};

use crate::mac::{HmacSha256, keyed};
use crate::names::AppId;
use crate::secret::Secret;

/// What signs the webhooks of one application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The public key, sent as `X-Pusher-Key`.
    pub key: String,
    /// The secret of the HMAC.
    pub secret: Secret,
}

/// Credentials with which a signature can begin: what its key makes of it is the same for all.
#[derive(Debug)]
pub(crate) struct SigningKey {
    /// The public key.
    pub(crate) key: String,
    /// A code with the secret, of a message that is still to come.
    pub(crate) code: HmacSha256,
}

impl From<Credentials> for SigningKey {
    fn from(Credentials { key, secret }: Credentials) -> Self {
        Self { key, code: keyed(secret.expose().as_bytes()) }
    }
}

/// The credentials of every application seen so far. They live in memory only.
#[derive(Debug, Default)]
pub struct AppDirectory {
    apps: RwLock<HashMap<AppId, Arc<SigningKey>>>,
    wanted: Mutex<HashSet<AppId>>,
}

impl AppDirectory {
    /// Takes the credentials of `app`, replacing older ones: a rotated secret signs from the next batch on.
    pub fn register(&self, app: AppId, credentials: Credentials) {
        self.apps.write().insert(app, Arc::new(credentials.into()));
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

    /// Asks for an application that has not been met: its events wait.
    pub fn want(&self, app: &AppId) {
        self.wanted.lock().insert(app.clone());
    }

    /// The applications asked for since the last call.
    #[must_use]
    pub fn take_wanted(&self) -> Vec<AppId> {
        self.wanted.lock().drain().collect()
    }
}
