//! The client of each endpoint: HTTP, Lambda or a queue, depending on its target.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use foldhash::{HashMap, HashMapExt};
use parking_lot::{Mutex, RwLock};

use super::answer::{Reply, secrets_of};
use super::http::HttpClient;
use super::lambda;
use super::queue::{RedisQueueClient, sqs};
use super::signature::SignedRequest;
use super::signing_key::SigningKey;
use super::tls::Connectors;
use super::transport::Common;
use crate::aws::{ChainLink, Provider};
use crate::config::{ConfigError, Endpoint, EndpointId, Queue, QueueServer, Target};
use crate::net::DnsCache;
use crate::net::http1::Idle;
use crate::secret::Redaction;
use crate::telemetry::Telemetry;

/// The client of one endpoint.
pub(crate) trait EndpointClient: Send + Sync {
    /// Sends a request and waits for the answer, at most for the endpoint's timeout or a shorter `limit`.
    fn send(&self, request: &SignedRequest<'_>, limit: Option<Duration>) -> Reply;

    /// Closes idle connections that have expired or that the peer has closed. Returns the number that remains.
    fn sweep(&self) -> usize;

    /// Aborts requests and closes every connection. A pending connect ends when its timeout expires.
    fn shutdown(&self);
}

/// The clients of all endpoints. They connect with the first batch.
pub(crate) struct Clients {
    shared: Mutex<SharedParts>,
    current: RwLock<Current>,
    idle: Arc<Idle>,
}

/// The clients by endpoint id.
type Current = HashMap<EndpointId, Configured>;

/// An endpoint and what was built from it.
#[derive(Clone)]
struct Configured {
    endpoint: Endpoint,
    client: Arc<dyn EndpointClient>,
    secrets: Arc<Redaction>,
}

/// Parts that clients share.
struct SharedParts {
    dns: Arc<DnsCache>,
    idle: Arc<Idle>,
    /// Endpoints with the same TLS files share a connector.
    connectors: Connectors,
    /// Endpoints with the same credential sources share a provider.
    providers: Vec<Arc<Provider>>,
    /// Replaced clients, some of which may still be sending.
    replaced: Vec<Weak<dyn EndpointClient>>,
}

impl Clients {
    /// Creates an empty set. Calls `wake` as soon as a connection is idle, because [`Self::sweep`] then has work.
    pub(crate) fn new(telemetry: &Arc<Telemetry>, wake: impl Fn() + Send + Sync + 'static) -> Self {
        let (dns, idle) = (DnsCache::new(Arc::clone(telemetry)), Arc::new(Idle::new(wake)));
        let connectors = Connectors::default();
        let shared =
            SharedParts { dns, idle: Arc::clone(&idle), connectors, providers: Vec::new(), replaced: Vec::new() };
        Self { shared: Mutex::new(shared), current: RwLock::default(), idle }
    }

    /// Replaces the clients with those of `endpoints`. The client of an unchanged endpoint stays, with its connections.
    ///
    /// # Errors
    /// Returns an error that names the config key if a target or proxy is invalid or a TLS file cannot be used. Nothing
    /// changes in that case.
    pub(crate) fn set(&self, endpoints: &[Endpoint]) -> Result<(), ConfigError> {
        let mut shared = self.shared.lock();
        let mut next = Current::with_capacity(endpoints.len());
        for endpoint in endpoints {
            let known = self.current.read().get(&endpoint.id).filter(|known| known.endpoint == *endpoint).cloned();
            let configured = match known {
                Some(known) => known,
                None => Configured {
                    endpoint: endpoint.clone(),
                    client: shared.client(endpoint)?,
                    secrets: Arc::new(secrets_of(endpoint)),
                },
            };
            next.insert(endpoint.id.clone(), configured);
        }
        let before = std::mem::replace(&mut *self.current.write(), next);
        let current = self.current.read();
        let stays = |id, client| current.get(id).is_some_and(|known| Arc::ptr_eq(&known.client, client));
        let replaced = before.iter().filter(|(id, known)| !stays(*id, &known.client));
        shared.replaced.extend(replaced.map(|(_, known)| Arc::downgrade(&known.client)));
        drop(before);
        shared.replaced.retain(|client| client.strong_count() > 0);
        let used = |provider: &Arc<Provider>| {
            let mut links = current.values().filter_map(|known| known.endpoint.target.aws_credentials());
            links.any(|links| provider.has_links(links))
        };
        shared.providers.retain(used);
        Ok(())
    }

    /// Returns the client of an endpoint, with the endpoint's own signing key if it has one.
    pub(crate) fn of(&self, endpoint: &EndpointId) -> Option<(Arc<dyn EndpointClient>, Option<SigningKey>)> {
        let current = self.current.read();
        let Configured { endpoint, client, .. } = current.get(endpoint)?;
        Some((Arc::clone(client), endpoint.secret.as_ref().map(SigningKey::from)))
    }

    /// Returns the secrets in the settings of all endpoints.
    pub(crate) fn secrets(&self) -> Vec<Arc<Redaction>> {
        self.current.read().values().map(|known| Arc::clone(&known.secrets)).collect()
    }

    /// Closes expired idle connections, at most once a second. Returns the time of the next call, or `None` if no connection
    /// is idle.
    pub(crate) fn sweep(&self) -> Option<Instant> {
        let close = || self.current.read().values().map(|known| known.client.sweep()).sum();
        self.idle.sweep(Instant::now(), close)
    }

    /// Aborts all requests.
    pub(crate) fn shutdown(&self) {
        for known in self.current.read().values() {
            known.client.shutdown();
        }
        for client in self.shared.lock().replaced.iter().filter_map(Weak::upgrade) {
            client.shutdown();
        }
    }
}

impl SharedParts {
    fn client(&mut self, endpoint: &Endpoint) -> Result<Arc<dyn EndpointClient>, ConfigError> {
        let common = Common {
            connector: self.connectors.of(endpoint)?,
            dns: Arc::clone(&self.dns),
            idle: Arc::clone(&self.idle),
        };
        Ok(match &endpoint.target {
            Target::Url(url) => Arc::new(HttpClient::new(endpoint, url, common)?),
            Target::Lambda(lambda) => {
                Arc::new(lambda::client(endpoint, lambda, common, self.provider(&lambda.credentials))?)
            }
            Target::Queue(Queue { server: QueueServer::Redis(redis), .. }) => {
                Arc::new(RedisQueueClient::new(endpoint, redis)?)
            }
            Target::Queue(Queue { server: QueueServer::Sqs(sqs), .. }) => {
                Arc::new(sqs::client(endpoint, sqs, common, self.provider(&sqs.credentials))?)
            }
        })
    }

    fn provider(&mut self, links: &[ChainLink]) -> Arc<Provider> {
        if let Some(known) = self.providers.iter().find(|provider| provider.has_links(links)) {
            return Arc::clone(known);
        }
        let provider = Arc::new(Provider::new(links.to_vec()));
        self.providers.push(Arc::clone(&provider));
        provider
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::Config;

    #[test]
    fn a_list_that_changes_often_leaves_no_clients_behind() {
        let clients = Clients::new(&Arc::default(), || {});
        for n in 0..100 {
            let endpoints = json!({ "stays": { "url": "http://a/" }, "goes": { "url": format!("http://b/{n}") } });
            clients.set(&Config::from_value(json!({ "endpoints": endpoints })).unwrap().endpoints).unwrap();
        }
        assert_eq!((clients.current.read().len(), clients.shared.lock().replaced.len()), (2, 0));
    }
}
