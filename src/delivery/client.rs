//! What sends to an endpoint, by the kind of its target; and which endpoints there are to send to.

use std::sync::{Arc, Weak};
use std::time::Instant;

use foldhash::{HashMap, HashMapExt};
use parking_lot::{Mutex, RwLock};

use super::http::HttpClient;
use super::lambda::LambdaClient;
use super::retry::Answer;
use super::signature::SignedRequest;
use super::signing_key::SigningKey;
use super::tls::Connectors;
use super::transport::Common;
use crate::aws::Provider;
use crate::config::{ConfigError, Endpoint, EndpointId, Target};
use crate::net::Names;
use crate::net::http1::Idle;
use crate::telemetry::Telemetry;

/// What sends to one endpoint.
#[derive(Debug)]
pub(crate) enum Client {
    Http(HttpClient),
    Lambda(LambdaClient),
}

impl Client {
    /// Sends a batch and waits for the answer, at most for the endpoint's timeout.
    pub(crate) fn send(&self, request: &SignedRequest<'_>) -> Answer {
        match self {
            Self::Http(client) => client.send(request),
            Self::Lambda(client) => client.send(request),
        }
    }

    /// Closes idle connections that are of no use any more. Returns how many stay.
    fn sweep(&self) -> usize {
        match self {
            Self::Http(client) => client.sweep(),
            Self::Lambda(client) => client.sweep(),
        }
    }

    /// Breaks off what is under way and closes every connection. What is being connected ends by its timeout.
    fn shutdown(&self) {
        match self {
            Self::Http(client) => client.shutdown(),
            Self::Lambda(client) => client.shutdown(),
        }
    }
}

/// The clients of all endpoints. They connect when the first batch is sent.
#[derive(Debug)]
pub(crate) struct Clients {
    shared: Mutex<Shared>,
    current: RwLock<Current>,
    idle: Arc<Idle>,
}

/// By the ids of the endpoints, each with what its client was made of.
type Current = HashMap<EndpointId, (Endpoint, Arc<Client>)>;

/// What clients share.
#[derive(Debug)]
struct Shared {
    names: Arc<Names>,
    idle: Arc<Idle>,
    /// Endpoints with the same TLS files share what makes their connections.
    connectors: Connectors,
    /// Endpoints that look for credentials in the same places ask once.
    providers: Vec<Arc<Provider>>,
    /// Those that were replaced, some of which may still be sending.
    replaced: Vec<Weak<Client>>,
}

impl Clients {
    /// No clients yet. Once any of their connections is idle, `wake` is called: [`Self::sweep`] has something to do.
    pub(crate) fn new(telemetry: &Arc<Telemetry>, wake: impl Fn() + Send + Sync + 'static) -> Self {
        let (names, idle) = (Names::new(Arc::clone(telemetry)), Arc::new(Idle::new(wake)));
        let connectors = Connectors::default();
        let shared = Shared { names, idle: Arc::clone(&idle), connectors, providers: Vec::new(), replaced: Vec::new() };
        Self { shared: Mutex::new(shared), current: RwLock::default(), idle }
    }

    /// Has a client for each of `endpoints`, and no other. One whose endpoint has not changed stays, with its connections.
    ///
    /// # Errors
    /// When a target or a proxy is none to send to, or a TLS file cannot be used; the message names the key. Then nothing
    /// has changed.
    pub(crate) fn set(&self, endpoints: &[Endpoint]) -> Result<(), ConfigError> {
        let mut shared = self.shared.lock();
        let mut next = Current::with_capacity(endpoints.len());
        for endpoint in endpoints {
            let known = self.current.read().get(&endpoint.id).filter(|(known, _)| known == endpoint).cloned();
            let client = match known {
                Some((_, client)) => client,
                None => Arc::new(shared.client(endpoint)?),
            };
            next.insert(endpoint.id.clone(), (endpoint.clone(), client));
        }
        let before = std::mem::replace(&mut *self.current.write(), next);
        let current = self.current.read();
        let stays = |id, client| current.get(id).is_some_and(|(_, known)| Arc::ptr_eq(known, client));
        let replaced = before.iter().filter(|(id, (_, client))| !stays(*id, client));
        shared.replaced.extend(replaced.map(|(_, (_, client))| Arc::downgrade(client)));
        drop(before);
        shared.replaced.retain(|client| client.strong_count() > 0);
        let used = |provider: &Arc<Provider>| {
            current.values().any(|(endpoint, _)| match &endpoint.target {
                Target::Lambda(lambda) => provider.looks_in(&lambda.credentials),
                Target::Url(_) => false,
            })
        };
        shared.providers.retain(used);
        Ok(())
    }

    /// The client of that endpoint, if there is such an endpoint, and the endpoint's own secrets, if it has some.
    pub(crate) fn of(&self, endpoint: &EndpointId) -> Option<(Arc<Client>, Option<SigningKey>)> {
        let current = self.current.read();
        let (endpoint, client) = current.get(endpoint)?;
        Some((Arc::clone(client), endpoint.secret.as_ref().map(SigningKey::from)))
    }

    /// Closes, once a second, idle connections that are of no use any more. Returns when to come again, if any is left.
    pub(crate) fn sweep(&self) -> Option<Instant> {
        let close = || self.current.read().values().map(|(_, client)| client.sweep()).sum();
        self.idle.sweep(Instant::now(), close)
    }

    /// Breaks off everything that is under way.
    pub(crate) fn shutdown(&self) {
        for (_, client) in self.current.read().values() {
            client.shutdown();
        }
        for client in self.shared.lock().replaced.iter().filter_map(Weak::upgrade) {
            client.shutdown();
        }
    }
}

impl Shared {
    fn client(&mut self, endpoint: &Endpoint) -> Result<Client, ConfigError> {
        let common = Common {
            connector: self.connectors.of(endpoint)?,
            names: Arc::clone(&self.names),
            idle: Arc::clone(&self.idle),
        };
        match &endpoint.target {
            Target::Url(url) => HttpClient::new(endpoint, url, common).map(Client::Http),
            Target::Lambda(lambda) => {
                let known = self.providers.iter().find(|provider| provider.looks_in(&lambda.credentials));
                let provider = known.cloned().unwrap_or_else(|| {
                    let provider = Arc::new(Provider::new(lambda.credentials.clone()));
                    self.providers.push(Arc::clone(&provider));
                    provider
                });
                LambdaClient::new(endpoint, lambda, common, provider).map(Client::Lambda)
            }
        }
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
