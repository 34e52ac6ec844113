//! What sends to an endpoint, by the kind of its target.

use std::io;
use std::sync::Arc;

use ureq::tls::TlsConfig;

use super::http::HttpClient;
use super::lambda::LambdaClient;
use super::names::Names;
use super::retry::Answer;
use super::tls;
use crate::aws::Provider;
use crate::config::{ConfigError, Endpoint, Target};
use crate::outbox::Wire;
use crate::telemetry::Telemetry;

/// What sends to one endpoint.
#[derive(Debug)]
pub(crate) enum Client {
    Http(HttpClient),
    Lambda(LambdaClient),
}

/// What the clients of all endpoints share.
struct Shared {
    names: Arc<Names>,
    /// Endpoints that look for credentials in the same places ask once.
    providers: Vec<Arc<Provider>>,
}

impl Client {
    /// A client for each endpoint, in their order. They connect when the first batch is sent.
    ///
    /// # Errors
    /// When a target or a proxy is none to send to, or a TLS file cannot be used; the message names the key.
    pub(crate) fn for_all(endpoints: &[Endpoint], telemetry: &Arc<Telemetry>) -> io::Result<Arc<[Self]>> {
        let mut shared = Shared { names: Names::new(Arc::clone(telemetry)), providers: Vec::new() };
        let tls = if endpoints.is_empty() { Vec::new() } else { tls::configs(endpoints).map_err(io::Error::other)? };
        let clients = endpoints.iter().zip(tls).map(|(endpoint, tls)| shared.client(endpoint, tls));
        clients.collect::<Result<_, _>>().map_err(io::Error::other)
    }

    /// Sends a batch and waits for the answer, at most for the endpoint's timeout.
    pub(crate) fn send(&self, id: &str, wire: &Wire) -> Answer {
        match self {
            Self::Http(client) => client.send(id, wire),
            Self::Lambda(client) => client.send(id, wire),
        }
    }

    /// Breaks off what is under way and closes every connection. What is being connected ends by its timeout.
    pub(crate) fn shutdown(&self) {
        match self {
            Self::Http(client) => client.shutdown(),
            Self::Lambda(client) => client.shutdown(),
        }
    }
}

impl Shared {
    fn client(&mut self, endpoint: &Endpoint, tls: TlsConfig) -> Result<Client, ConfigError> {
        let names = Arc::clone(&self.names);
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
