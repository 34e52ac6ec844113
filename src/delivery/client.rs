//! What sends to an endpoint, by the kind of its target; and which endpoints there are to send to.

use std::sync::{Arc, Weak};

use foldhash::{HashMap, HashMapExt};
use parking_lot::{Mutex, RwLock};
use ureq::tls::RootCerts;

use super::http::HttpClient;
use super::lambda::LambdaClient;
use super::names::Names;
use super::retry::Answer;
use super::signature::SignedRequest;
use super::tls;
use crate::aws::Provider;
use crate::config::{ConfigError, Endpoint, EndpointId, Target};
use crate::signing_key::SigningKey;
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
}

/// By the ids of the endpoints, each with what its client was made of.
type Current = HashMap<EndpointId, (Endpoint, Arc<Client>)>;

/// What clients share.
#[derive(Debug)]
struct Shared {
    names: Arc<Names>,
    /// Whom endpoints trust that say nothing else, once that was read.
    public: Option<RootCerts>,
    /// Endpoints that look for credentials in the same places ask once.
    providers: Vec<Arc<Provider>>,
    /// Those that were replaced, some of which may still be sending.
    replaced: Vec<Weak<Client>>,
}

impl Clients {
    /// No clients yet.
    pub(crate) fn new(telemetry: &Arc<Telemetry>) -> Self {
        let names = Names::new(Arc::clone(telemetry));
        let shared = Shared { names, public: None, providers: Vec::new(), replaced: Vec::new() };
        Self { shared: Mutex::new(shared), current: RwLock::default() }
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
        let (names, tls) = (Arc::clone(&self.names), tls::config(endpoint, &mut self.public)?);
        match &endpoint.target {
            Target::Url(url) => HttpClient::new(endpoint, url, tls, names).map(Client::Http),
            Target::Lambda(lambda) => {
                let known = self.providers.iter().find(|provider| provider.looks_in(&lambda.credentials));
                let provider = known.cloned().unwrap_or_else(|| {
                    let provider = Arc::new(Provider::new(lambda.credentials.clone()));
                    self.providers.push(Arc::clone(&provider));
                    provider
                });
                LambdaClient::new(endpoint, lambda, tls, names, provider).map(Client::Lambda)
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
        let clients = Clients::new(&Arc::default());
        for n in 0..100 {
            let endpoints = json!({ "stays": { "url": "http://a/" }, "goes": { "url": format!("http://b/{n}") } });
            clients.set(&Config::from_value(json!({ "endpoints": endpoints })).unwrap().endpoints).unwrap();
        }
        assert_eq!((clients.current.read().len(), clients.shared.lock().replaced.len()), (2, 0));
    }
}
