//! The config array before it is resolved: its keys, their ranges and their defaults.

use std::time::Duration;

use serde::Deserialize;

use super::backoff::{self, Backoff};
use super::endpoint::{Place, chosen};
use super::endpoint_id::EndpointIds;
use super::error::place;
use super::previous_secret::{PreviousSecret, PreviousSecrets};
use super::scalar::{Number, Seconds, Switch, Whole};
use super::value::List;
use super::{
    Address, AddressRules, AppScope, Config, ConfigError, DAY_S, HOUR_MS, IgnoredChannels, MAX_ATTEMPTS, ProxyUrl,
    RetryFor, Timeout, app_webhooks, connection, dashboard, endpoint, identity, metrics, proxy_url, roster,
};
use crate::aws::Environment;
use crate::event::AppId;

/// Values that an endpoint inherits for keys that it does not set.
pub(super) struct Defaults {
    pub(super) batch_max_bytes: usize,
    pub(super) environment: Environment,
    pub(super) timeout: Duration,
    pub(super) connect_timeout: Duration,
    pub(super) max_attempts: u32,
    pub(super) retry_for: Option<Duration>,
    pub(super) retry_after_max: Duration,
    pub(super) backoff: Backoff,
    pub(super) keep_answers: usize,
    pub(super) https_only: bool,
    pub(super) proxy: Option<ProxyUrl>,
    pub(super) addresses: AddressRules,
}

/// Returns `true` if the keys are those of a PHP list: 0, 1, 2 and so on.
fn is_list<T>(entries: &[(String, T)]) -> bool {
    entries.iter().enumerate().all(|(place, (key, _))| *key == place.to_string())
}

/// The config array before it is resolved.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an array of settings")]
pub(super) struct WrittenConfig {
    connection: Option<connection::WrittenConnection>,
    key_prefix: Option<String>,
    cluster_name: Option<String>,
    /// The identity that the plugin derives from `cluster_name` or from the application.
    cluster: Option<identity::WrittenIdentity>,
    ttl: Option<Number>,
    departure_grace: Option<Seconds<0, 300_000>>,
    subscription_count_interval: Option<Seconds<0, HOUR_MS>>,
    cache_miss_ttl: Option<Seconds<1_000, { 24 * HOUR_MS }>>,
    ignore_channel_prefixes: Option<IgnoredChannels>,
    flush_interval: Option<Number>,
    reconcile_interval: Option<Number>,
    max_attempts: Option<Number>,
    timeout: Option<Timeout>,
    connect_timeout: Option<Timeout>,
    retry_for: Option<RetryFor>,
    retry_after_max: Option<Seconds<0, HOUR_MS>>,
    backoff: Option<backoff::WrittenBackoff>,
    keep_answers: Option<Whole<0, 4_096>>,
    https_only: Option<Switch>,
    proxy: Option<proxy_url::WrittenProxyUrl>,
    deny_private_networks: Option<Switch>,
    allow_link_local: Option<Switch>,
    batch_max_events: Option<Whole<1, 10_000>>,
    batch_max_bytes: Option<Whole<1_024, 16_777_216>>,
    outbox_max_events: Option<Whole<1_000, 100_000_000>>,
    outbox_max_bytes: Option<Whole<1_048_576, 4_294_967_295>>,
    dead_letter_max: Option<Whole<0, 10_000_000>>,
    dead_letter_max_per_endpoint: Option<Whole<1, 10_000_000>>,
    dead_letter_max_bytes: Option<Whole<1_048_576, 4_294_967_295>>,
    dead_letter_days: Option<Whole<1, 3_650>>,
    queue_size: Option<Whole<1_024, 4_194_304>>,
    roster: Option<roster::WrittenRoster>,
    shutdown_timeout: Option<Seconds<0, HOUR_MS>>,
    metrics_listen: Option<metrics::Listen>,
    metrics_public: Option<Switch>,
    /// Read by the PHP package, like the next two.
    #[serde(rename = "metrics_route")]
    _metrics_route: Option<String>,
    #[serde(rename = "metrics_middleware")]
    _metrics_middleware: Option<List<String>>,
    #[serde(rename = "reverb")]
    _reverb: Option<Switch>,
    dashboard: Option<dashboard::WrittenDashboard>,
    endpoints: Option<List<endpoint::EndpointEntry>>,
    previous_secrets: Option<List<PreviousSecrets>>,
    /// `true` if an `EndpointProvider` supplied the endpoints. The plugin fills this in.
    endpoints_provided: Option<Switch>,
    endpoints_refresh: Option<Seconds<0, { 24 * HOUR_MS }>>,
    /// The `webhooks` of applications. The plugin fills this in.
    app_webhooks: Option<List<app_webhooks::OfApp>>,
    /// All applications, if they are listed in a config. The plugin fills this in.
    app_ids: Option<List<AppScope>>,
}

impl WrittenConfig {
    /// Resolves the array: applies defaults and checks keys against each other.
    pub(super) fn resolve(self, environment: &Environment, mut warnings: Vec<String>) -> Result<Config, ConfigError> {
        let otherwise = Config::default();

        let connection = self.connection.unwrap_or_default().resolve(&mut warnings)?;
        let provided = chosen(self.endpoints_provided, false);
        let defaults = Defaults {
            batch_max_bytes: self.batch_max_bytes.map_or(otherwise.batch_max_bytes, Whole::size),
            environment: environment.clone(),
            timeout: self.timeout.map_or(Duration::from_secs(10), Timeout::duration),
            connect_timeout: self.connect_timeout.map_or(Duration::from_secs(5), Timeout::duration),
            max_attempts: match (self.max_attempts, self.retry_for) {
                (Some(attempts), _) => attempts.clamped_whole("max_attempts", &(1..=MAX_ATTEMPTS), &mut warnings),
                (None, Some(_)) => u32::MAX,
                (None, None) => 5,
            },
            retry_for: self.retry_for.map(RetryFor::duration),
            // Pusher retries for as long. Without a limit, an endpoint could block its lane and fill the outbox,
            // because a lane sends one batch at a time.
            retry_after_max: self.retry_after_max.map_or(Duration::from_secs(300), Seconds::duration),
            backoff: self.backoff.map_or_else(Backoff::default, |written| written.or(&Backoff::default())),
            keep_answers: self.keep_answers.map_or(512, Whole::size),
            https_only: chosen(self.https_only, false),
            proxy: self.proxy.unwrap_or(proxy_url::WrittenProxyUrl::Unset).or(None),
            addresses: AddressRules {
                // URLs of endpoints in a database are usually chosen by users.
                deny_private_networks: chosen(self.deny_private_networks, provided),
                allow_link_local: chosen(self.allow_link_local, false),
            },
        };
        let (mut ids, mut endpoints) = (EndpointIds::default(), Vec::new());
        let entries = self.endpoints.map_or_else(Vec::new, |List(entries)| entries);
        let keyed = provided && !is_list(&entries);
        for (entry, written) in entries {
            endpoints.extend(written.resolve(
                &Place { entry: &entry, keyed, app: None },
                &mut ids,
                &defaults,
                &mut warnings,
            )?);
        }
        for (place, app_webhooks::OfApp { app_id, webhooks: List(entries) }) in
            self.app_webhooks.map_or_else(Vec::new, |List(apps)| apps)
        {
            let AppScope::Only(app) = app_id else {
                return Err(ConfigError::at(
                    &format!("app_webhooks.{place}.app_id"),
                    "is not the id of an application",
                ));
            };
            for (entry, written) in entries {
                let at = Place { entry: &entry, keyed: false, app: Some((&place, &app)) };
                endpoints.extend(written.resolve(&at, &mut ids, &defaults, &mut warnings)?);
            }
        }

        let only = |(_, id)| if let AppScope::Only(app) = id { Some(app) } else { None };
        let app_ids = self.app_ids.map_or_else(Vec::new, |List(apps)| apps.into_iter().filter_map(only).collect());

        let previous_secrets =
            self.previous_secrets.map_or_else(Vec::new, |secrets| of_apps(secrets, &app_ids, &mut warnings));

        let mut seconds = |written: Option<Number>, key, allowed, too_small, otherwise| {
            written.map_or(otherwise, |number: Number| number.clamped_seconds(key, &allowed, too_small, &mut warnings))
        };
        // A value below the range gives the default and not the minimum: a lease of 3 s would lapse at every pause of
        // Redis.
        let ttl = seconds(self.ttl, "ttl", 3.0..=86_400.0, otherwise.ttl.as_secs_f64(), otherwise.ttl);
        let flush_interval =
            seconds(self.flush_interval, "flush_interval", 0.01..=3_600.0, 0.01, otherwise.flush_interval);
        let reconcile_interval =
            seconds(self.reconcile_interval, "reconcile_interval", 1.0..=86_400.0, 1.0, otherwise.reconcile_interval);
        warnings.extend(connection::check_against_lease(&connection, ttl));

        let key_prefix = connection.key_prefix(self.key_prefix.unwrap_or(otherwise.key_prefix))?;
        let can_read_roster = !matches!(connection.address, Address::Cluster(_));

        Ok(Config {
            connection,
            key_prefix,
            cluster: identity::resolve(self.cluster, self.cluster_name),
            ttl,
            departure_grace: self.departure_grace.map_or(otherwise.departure_grace, Seconds::duration),
            subscription_count_interval: self
                .subscription_count_interval
                .map_or(otherwise.subscription_count_interval, Seconds::duration),
            cache_miss_ttl: self.cache_miss_ttl.map_or(otherwise.cache_miss_ttl, Seconds::duration),
            ignored_channels: self.ignore_channel_prefixes.unwrap_or_default(),
            flush_interval,
            reconcile_interval,
            batch_max_events: self.batch_max_events.map_or(otherwise.batch_max_events, Whole::size),
            batch_max_bytes: defaults.batch_max_bytes,
            outbox_max_events: self.outbox_max_events.map_or(otherwise.outbox_max_events, Whole::size),
            outbox_max_bytes: self.outbox_max_bytes.map(Whole::size),
            dead_letter_max: self.dead_letter_max.map_or(otherwise.dead_letter_max, Whole::size),
            dead_letter_max_per_endpoint: self
                .dead_letter_max_per_endpoint
                .map_or(otherwise.dead_letter_max_per_endpoint, Whole::size),
            dead_letter_max_bytes: self.dead_letter_max_bytes.map_or(otherwise.dead_letter_max_bytes, Whole::size),
            dead_letter_age: self
                .dead_letter_days
                .map_or(otherwise.dead_letter_age, |days| Duration::from_secs(days.size() as u64 * DAY_S)),
            queue_size: self.queue_size.map_or(otherwise.queue_size, Whole::size),
            roster: self.roster.filter(|_| can_read_roster).map(roster::WrittenRoster::resolve),
            shutdown_timeout: self.shutdown_timeout.map_or(otherwise.shutdown_timeout, Seconds::duration),
            endpoints_refresh: self.endpoints_refresh.map_or(otherwise.endpoints_refresh, Seconds::duration),
            metrics_listen: metrics::Listen::resolve(self.metrics_listen, chosen(self.metrics_public, false))?,
            dashboard: self.dashboard.unwrap_or_default().resolve(),
            endpoints,
            previous_secrets,
            app_ids,
            warnings,
        })
    }
}

/// Returns the previous secrets by application. An id that is not in `app_ids` is a warning, unless `app_ids` is empty.
fn of_apps(
    List(written): List<PreviousSecrets>,
    app_ids: &[AppId],
    warnings: &mut Vec<String>,
) -> Vec<(AppId, Vec<PreviousSecret>)> {
    let of_app = |(id, PreviousSecrets(secrets)): (String, _)| {
        let app = AppId::from(id.as_str());
        if !app_ids.is_empty() && !app_ids.contains(&app) {
            warnings.push(format!("{}: no application has this id", place(&format!("previous_secrets.{id}"))));
        }
        (app, secrets)
    };
    written.into_iter().map(of_app).collect()
}
