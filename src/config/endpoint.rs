//! An endpoint: a receiver of webhooks, with its events and its delivery settings.

use std::path::PathBuf;
use std::time::Duration;

use derive_more::Display;
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny};

use super::batching::WrittenBatching;
use super::endpoint_id::EndpointIds;
use super::error::place;
use super::event_set::Wanted;
use super::form::{Form, List, read};
use super::header;
use super::previous_secret::PreviousSecrets;
use super::scalar::{PerSecond, Switch};
use super::written::BatchMaxBytes;
use super::{
    Attempts, Backoff, Batching, ConfigError, CustomNames, Defaults, EndpointId, EndpointSecret, EndpointUrl, EventSet,
    Filter, Header, Payload, ProxyUrl, RetryFor, Target, Timeout, TlsFiles, backoff, lambda, proxy_url,
};
use crate::event::{AppId, Event, EventKind, EventName};
use crate::net::AddressRules;
use crate::secret::Secret;

/// A receiver of webhooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Id of the endpoint in Redis.
    pub id: EndpointId,
    /// Key in the config file, for messages: `endpoints.2`, or `endpoints.billing` in a list with names.
    pub key: String,
    /// Display name, if it has one.
    pub name: Option<String>,
    /// Target of the webhooks: a URL, a Lambda function or a queue.
    pub target: Target,
    /// Applications whose events it receives.
    pub apps: AppScope,
    /// Pusher's events that it receives.
    pub events: EventSet,
    /// Custom events that it receives.
    pub custom: CustomNames,
    /// Conditions on the channel and on the names of client events.
    pub filter: Filter,
    /// Detail of the events in a body.
    pub payload: Payload,
    /// Limits of a batch.
    pub batching: Batching,
    /// Secret of its own. Without one, the application's secret signs.
    pub secret: Option<EndpointSecret>,
    /// Additional headers of every POST.
    pub headers: Vec<Header>,
    /// Timeout of a whole request.
    pub timeout: Duration,
    /// Timeout of connecting.
    pub connect_timeout: Duration,
    /// Attempts before a batch becomes a dead letter; `u32::MAX` if only `retry_for` limits them.
    pub max_attempts: u32,
    /// Time after the first attempt in which a batch may be retried.
    pub retry_for: Option<Duration>,
    /// Upper limit for `Retry-After`.
    pub retry_after_max: Duration,
    /// Waits between attempts.
    pub backoff: Backoff,
    /// Number of bytes that are kept of the answer to a failed attempt; 0 for none.
    pub keep_answers: usize,
    /// Minimum time between two requests: the inverse of `rate_limit`.
    pub request_interval: Option<Duration>,
    /// Trusted certificates and the client certificate.
    pub tls: TlsFiles,
    /// Proxy for its requests.
    pub proxy: Option<ProxyUrl>,
    /// Addresses that it may resolve to.
    pub addresses: AddressRules,
}

impl Endpoint {
    /// Returns `true` if this endpoint receives `event` of `app`.
    #[must_use]
    pub fn wants(&self, app: &AppId, event: EventName) -> bool {
        self.apps.contains(app) && self.events.contains(event)
    }

    /// Returns `true` if this endpoint receives any event of `app`.
    pub(crate) fn wants_any(&self, app: &AppId) -> bool {
        self.apps.contains(app) && !(self.events.is_empty() && self.custom.is_empty())
    }

    /// Returns `true` if `event` passes custom names and filter. The caller has checked application and event name.
    pub(crate) fn admits(&self, event: &Event) -> bool {
        let is_named = match &event.kind {
            EventKind::Custom(custom) => self.custom.contain(custom.name()),
            _ => true,
        };
        is_named && self.filter.admits(event)
    }

    /// Label in logs and lists: `name (target)`, or the target alone. If there is no name and the target hides a query,
    /// the id follows, because two such targets can look the same.
    pub(crate) fn label(&self) -> String {
        match &self.name {
            Some(name) => format!("{name} ({})", self.target),
            None if self.target.hides_query() => format!("{} ({})", self.target, self.id),
            None => self.target.to_string(),
        }
    }
}

/// The applications that an endpoint serves.
#[derive(Clone, Debug, Display, PartialEq, Eq)]
pub enum AppScope {
    /// All applications: `*`.
    #[display("*")]
    Every,
    /// One application.
    #[display("{}", _0.as_text())]
    Only(AppId),
}

impl AppScope {
    fn of(id: &str) -> Self {
        if id == "*" { Self::Every } else { Self::Only(AppId::from(id)) }
    }

    /// Returns `true` if `app` is included.
    pub(crate) fn contains(&self, app: &AppId) -> bool {
        match self {
            Self::Every => true,
            Self::Only(only) => only == app,
        }
    }
}

/// An entry of `endpoints` before it is resolved.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "an array with a url")]
pub(super) struct EndpointEntry {
    url: Option<EndpointUrl>,
    lambda: Option<lambda::WrittenLambda>,
    queue: Option<String>,
    connection: Option<String>,
    name: Option<String>,
    enabled: Switch,
    #[serde(deserialize_with = "app_id")]
    app_id: Option<AppScope>,
    #[serde(alias = "event_types")]
    events: Option<List<Option<Wanted>>>,
    filter: Filter,
    payload: Payload,
    batching: WrittenBatching,
    key: Option<String>,
    secret: Option<Secret>,
    previous_secrets: PreviousSecrets,
    headers: List<Option<String>>,
    timeout: Option<Timeout>,
    connect_timeout: Option<Timeout>,
    max_attempts: Option<Attempts>,
    retry_for: Option<RetryFor>,
    backoff: Option<backoff::WrittenBackoff>,
    rate_limit: Option<PerSecond>,
    https_only: Switch,
    proxy: proxy_url::WrittenProxyUrl,
    ca_file: Option<PathBuf>,
    client_cert: Option<PathBuf>,
    client_key: Option<PathBuf>,
    deny_private_networks: Switch,
    allow_link_local: Switch,
}

/// The position of an entry in the config.
pub(super) struct Place<'a> {
    /// Key of the entry in its list.
    pub(super) entry: &'a str,
    /// `true` if a number is an id, such as that of a database row. Otherwise a number is a position in the list.
    pub(super) keyed: bool,
    /// For an entry of an application's `webhooks`: the application's position in `reverb.apps.apps`, and its id.
    pub(super) app: Option<(&'a str, &'a AppId)>,
}

impl Place<'_> {
    /// Returns the key of the entry in the config file.
    fn key(&self) -> String {
        match self.app {
            Some((app, _)) => format!("app_webhooks.{app}.webhooks.{}", self.entry),
            None => format!("endpoints.{}", self.entry),
        }
    }

    /// Returns the key from which the endpoint's id is made.
    fn own_key(&self) -> String {
        match self.app {
            Some((_, app)) if !is_number(self.entry) => format!("{}/{}", app.as_text(), self.entry),
            _ => self.entry.to_owned(),
        }
    }

    /// Returns the applications of an entry without `app_id`.
    fn apps(&self) -> AppScope {
        self.app.map_or(AppScope::Every, |(_, app)| AppScope::Only(app.clone()))
    }
}

/// Returns `true` if the key is a position in a list and not a name.
pub(super) fn is_number(key: &str) -> bool {
    key.bytes().all(|byte| byte.is_ascii_digit())
}

impl EndpointEntry {
    /// Resolves the entry. Returns `None` if it is disabled or has no target. A missing target is a warning and not an
    /// error, because its environment variable may be unset on purpose.
    pub(super) fn resolve(
        self,
        at: &Place<'_>,
        ids: &mut EndpointIds,
        defaults: &Defaults,
        warnings: &mut Vec<String>,
    ) -> Result<Option<Endpoint>, ConfigError> {
        let key = at.key();
        if at.app.is_some() && self.app_id.is_some() {
            return Err(ConfigError::at(
                &format!("{key}.app_id"),
                "cannot be set here, because the endpoint belongs to the application: remove it",
            ));
        }
        if !self.enabled.or(true) {
            return Ok(None);
        }
        let set = self.set_keys();
        let target = Target::of(&key, self.url, self.lambda, self.queue, self.connection, defaults, warnings)?;
        let Some(target) = target else { return Ok(None) };
        let unused = set.into_iter().filter(|(name, is_set)| *is_set && target.ignores(name));
        warnings.extend(unused.map(|(name, _)| format!("{}.{name} has no effect on a queue", place(&key))));
        let unencrypted = target.unencrypted();
        if let Some(url) = unencrypted.filter(|_| self.https_only.or(defaults.https_only)) {
            return Err(ConfigError::at(
                &format!("{key}.{url}"),
                "is not encrypted, but https_only requires an https:// URL",
            ));
        }
        let max_attempts = match (self.max_attempts, self.retry_for) {
            (Some(attempts), _) => attempts.get(),
            (None, Some(_)) => u32::MAX,
            (None, None) => defaults.max_attempts,
        };
        let has_login = target.credentials().is_some();
        let headers = header::all(&format!("{key}.headers"), self.headers, has_login, warnings)?;
        let apps = self.app_id.unwrap_or_else(|| at.apps());
        let (events, custom) = match self.events {
            None => (EventSet::usual(), CustomNames::default()),
            Some(wanted) => Wanted::sort(wanted, &format!("{key}.events"), warnings),
        };
        if self.name.as_ref().is_some_and(|name| name.chars().any(char::is_control)) {
            return Err(ConfigError::at(&format!("{key}.name"), "contains a control character"));
        }
        let signs = !target.ignores("secret");
        let (limits, most) = (defaults.batching, target.max_body_bytes());
        let limits = Batching { max_bytes: most.map_or(limits.max_bytes, |most| most.min(limits.max_bytes)), ..limits };
        let endpoint = Endpoint {
            id: if at.keyed { EndpointId::new(at.entry) } else { ids.next(&at.own_key(), &target.identity(), &apps) },
            name: self.name,
            target,
            apps,
            events,
            custom,
            filter: self.filter,
            payload: self.payload,
            batching: self.batching.or(limits, self.payload),
            secret: EndpointSecret::at(&key, self.key, self.secret, self.previous_secrets)?.filter(|_| signs),
            headers,
            timeout: self.timeout.map_or(defaults.timeout, Timeout::duration),
            connect_timeout: self.connect_timeout.map_or(defaults.connect_timeout, Timeout::duration),
            max_attempts,
            retry_for: self.retry_for.map(RetryFor::duration).or(defaults.retry_for),
            retry_after_max: defaults.retry_after_max,
            backoff: self.backoff.map_or_else(|| defaults.backoff.clone(), |own| own.or(&defaults.backoff)),
            keep_answers: defaults.keep_answers,
            request_interval: self.rate_limit.map(PerSecond::interval),
            tls: TlsFiles::at(&key, self.ca_file, self.client_cert, self.client_key)?,
            proxy: self.proxy.or(defaults.proxy.as_ref()),
            addresses: AddressRules {
                deny_private_networks: self.deny_private_networks.or(defaults.addresses.deny_private_networks),
                allow_link_local: self.allow_link_local.or(defaults.addresses.allow_link_local),
            },
            key,
        };
        endpoint.warn(unencrypted.is_none(), defaults.batching.max_bytes, warnings);
        Ok(Some(endpoint))
    }

    /// Returns the keys that some targets ignore, and whether the entry has them.
    const fn set_keys(&self) -> [(&'static str, bool); 7] {
        [
            ("headers", !self.headers.0.is_empty()),
            ("key", self.key.is_some()),
            ("secret", self.secret.is_some()),
            ("previous_secrets", !self.previous_secrets.0.is_empty()),
            ("proxy", !matches!(self.proxy, proxy_url::WrittenProxyUrl::Unset)),
            ("ca_file", self.ca_file.is_some()),
            ("client_cert", self.client_cert.is_some()),
        ]
    }
}

impl Endpoint {
    /// Adds warnings about settings that are valid but probably a mistake.
    fn warn(&self, encrypted: bool, batch_max_bytes: usize, warnings: &mut Vec<String>) {
        let key = place(&self.key);
        let chosen = batch_max_bytes > BatchMaxBytes::default().size();
        if let Some(most) = self.target.max_body_bytes().filter(|most| chosen && *most < batch_max_bytes) {
            warnings.push(format!("{key}: batches are limited to {most} bytes, the maximum of {}", self.target));
        }
        if self.apps == AppScope::Only(AppId::from("")) {
            warnings
                .push(format!("{key}.app_id is empty: this endpoint receives nothing. Use \"*\" for all applications"));
        }
        if self.events.is_empty() && self.custom.is_empty() {
            warnings.push(format!("{key}.events is empty: this endpoint receives nothing"));
        }
        if !encrypted && self.tls != TlsFiles::default() {
            warnings.push(format!("{key} has TLS files, but its connection is not encrypted: use an https:// URL"));
        }
        if let Some(proxy) = self.proxy.as_ref().filter(|proxy| proxy.resolves_names)
            && self.addresses.deny_private_networks
        {
            warnings.push(format!(
                "{key} denies private networks, but the proxy {proxy} resolves its host name: make the proxy refuse \
                 private addresses"
            ));
        }
    }
}

/// Accepts `'*'`, an id, or an id that PHP turned into a number.
impl<'de> Deserialize<'de> for AppScope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match app_id(deserializer)? {
            Some(Self::Only(id)) if id.is_empty() => Err("is empty"),
            Some(scope) => Ok(scope),
            None => Err("is missing"),
        }
        .map_err(|problem| D::Error::custom(format_args!("{problem}, expected the id of an application or \"*\"")))
    }
}

/// Parses `app_id`. Missing means all applications. Empty means none, so that an unset variable does not widen the scope.
fn app_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<AppScope>, D::Error> {
    read(deserializer, "the id of an application or \"*\"", |form: Form<IgnoredAny>| match form {
        Form::Null => Some(Ok(None)),
        Form::Whole(id) => Some(Ok(Some(AppScope::of(&id.to_string())))),
        Form::Text(id) => Some(Ok(Some(AppScope::of(&id)))),
        _ => None,
    })
}

#[cfg(test)]
#[path = "endpoint_tests.rs"]
mod tests;
