//! The config array before it is resolved: its keys, their ranges and their defaults.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Deserialize;

use super::endpoint::{EndpointEntry, Place};
use super::endpoint_id::EndpointIds;
use super::error::place;
use super::form::List;
use super::previous_secret::PreviousSecrets;
use super::queue::Queues;
use super::scalar::{Number, Switch};
use super::{
    Address, AddressRules, AppScope, Backoff, Batching, ClusterIdentity, Config, ConfigError, DAY_S, HOUR_MS,
    IgnoredChannels, MAX_ATTEMPTS, PreviousSecret, ProxyUrl, RetryFor, Roster, Seconds, Timeout, Whole, backoff,
    connection, identity, metrics, proxy_url,
};
use crate::aws::Environment;
use crate::event::AppId;

/// Values that an endpoint inherits for keys that it does not set.
pub(super) struct Defaults {
    pub(super) batching: Batching,
    pub(super) environment: Environment,
    pub(super) queues: Queues,
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

/// The endpoints of one application: an entry of `app_webhooks`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an array with an app_id and webhooks")]
struct OfApp {
    app_id: AppScope,
    webhooks: List<EndpointEntry>,
}

/// The dashboard in the Laravel application. The PHP package reads these settings itself. They are parsed here only to refuse
/// misspelt keys.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "an array with enabled, path, domain or middleware")]
struct Dashboard {
    enabled: Switch,
    path: Option<String>,
    domain: Option<String>,
    middleware: List<String>,
}

/// `batch_max_bytes`.
pub(super) type BatchMaxBytes = Whole<1_024, 16_777_216, 262_144>;

/// The config array before it is resolved.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "an array of settings")]
pub(super) struct WrittenConfig {
    connection: connection::WrittenConnection,
    key_prefix: Option<String>,
    cluster_name: Option<String>,
    /// The identity that the plugin derives from `cluster_name` or from the application.
    cluster: Option<ClusterIdentity>,
    ttl: Option<Number>,
    departure_grace: Seconds<0, 300_000>,
    /// The default is Pusher's interval for large channels.
    subscription_count_interval: Seconds<0, HOUR_MS, 5_000>,
    cache_miss_ttl: Seconds<1_000, { 24 * HOUR_MS }, 60_000>,
    ignore_channel_prefixes: IgnoredChannels,
    flush_interval: Option<Number>,
    reconcile_interval: Option<Number>,
    max_attempts: Option<Number>,
    timeout: Timeout<10_000>,
    connect_timeout: Timeout<5_000>,
    retry_for: Option<RetryFor>,
    /// Pusher retries for as long. Without a limit, an endpoint could block its lane and fill the outbox, because a lane
    /// sends one batch at a time.
    retry_after_max: Seconds<0, HOUR_MS, 300_000>,
    backoff: Option<backoff::WrittenBackoff>,
    keep_answers: Whole<0, 4_096, 512>,
    https_only: Switch,
    proxy: proxy_url::WrittenProxyUrl,
    deny_private_networks: Switch,
    allow_link_local: Switch,
    batch_max_events: Whole<1, 10_000, 1_000>,
    batch_max_bytes: BatchMaxBytes,
    outbox_max_events: Whole<1_000, 100_000_000, 100_000>,
    outbox_max_bytes: Option<Whole<1_048_576, 4_294_967_295>>,
    dead_letter_max: Whole<0, 10_000_000, 10_000>,
    dead_letter_max_per_endpoint: Whole<1, 10_000_000, 1_000>,
    dead_letter_max_bytes: Whole<1_048_576, 4_294_967_295, 268_435_456>,
    dead_letter_days: Whole<1, 3_650, 7>,
    queue_size: Whole<1_024, 4_194_304, 65_536>,
    roster: Option<Roster>,
    shutdown_timeout: Seconds<0, HOUR_MS, 5_000>,
    metrics_listen: Option<metrics::Listen>,
    metrics_public: Switch,
    /// Read by the PHP package, like the next two.
    #[serde(rename = "metrics_route")]
    _metrics_route: Option<String>,
    #[serde(rename = "metrics_middleware")]
    _metrics_middleware: Option<List<String>>,
    #[serde(rename = "reverb")]
    _reverb: Option<Switch>,
    #[serde(rename = "dashboard")]
    _dashboard: Dashboard,
    endpoints: List<EndpointEntry>,
    previous_secrets: List<PreviousSecrets>,
    /// `true` if an `EndpointProvider` supplied the endpoints. The plugin fills this in.
    endpoints_provided: Switch,
    endpoints_refresh: Seconds<0, { 24 * HOUR_MS }, 30_000>,
    /// The `webhooks` of applications. The plugin fills this in.
    app_webhooks: List<OfApp>,
    /// The queue connections of the application. The plugin fills this in.
    queues: Queues,
    /// All applications, if they are listed in a config. The plugin fills this in.
    app_ids: List<AppScope>,
}

impl WrittenConfig {
    /// Resolves the array: checks keys against each other. `warnings` has the warnings so far.
    ///
    /// # Errors
    /// If values contradict each other.
    pub(super) fn resolve(self, environment: &Environment, mut warnings: Vec<String>) -> Result<Config, ConfigError> {
        let connection = self.connection.resolve(&mut warnings)?;
        let mut seconds = |written: Option<Number>, key, allowed: RangeInclusive<f64>, too_small, default: f64| {
            let seconds = written.map(|number| number.clamped(key, &allowed, too_small, &mut warnings));
            Duration::from_secs_f64(seconds.unwrap_or(default))
        };
        // A value below the range gives the default and not the minimum: a lease of 3 s would lapse at every pause of
        // Redis.
        let ttl = seconds(self.ttl, "ttl", 3.0..=86_400.0, 90.0, 90.0);
        let flush_interval = seconds(self.flush_interval, "flush_interval", 0.01..=3_600.0, 0.01, 1.0);
        let reconcile_interval = seconds(self.reconcile_interval, "reconcile_interval", 1.0..=86_400.0, 1.0, 30.0);
        let provided = self.endpoints_provided.or(false);
        let defaults = Defaults {
            batching: Batching {
                flush_interval,
                span: flush_interval,
                max_events: self.batch_max_events.size(),
                max_bytes: self.batch_max_bytes.size(),
            },
            environment: environment.clone(),
            queues: self.queues,
            timeout: self.timeout.duration(),
            connect_timeout: self.connect_timeout.duration(),
            max_attempts: match (self.max_attempts, self.retry_for) {
                (Some(attempts), _) => attempts.clamped_whole("max_attempts", &(1..=MAX_ATTEMPTS), &mut warnings),
                (None, Some(_)) => u32::MAX,
                (None, None) => 5,
            },
            retry_for: self.retry_for.map(RetryFor::duration),
            retry_after_max: self.retry_after_max.duration(),
            backoff: self.backoff.map_or_else(Backoff::default, |written| written.or(&Backoff::default())),
            keep_answers: self.keep_answers.size(),
            https_only: self.https_only.or(false),
            proxy: self.proxy.or(None),
            addresses: AddressRules {
                // URLs of endpoints in a database are usually chosen by users.
                deny_private_networks: self.deny_private_networks.or(provided),
                allow_link_local: self.allow_link_local.or(false),
            },
        };
        let (mut ids, mut endpoints) = (EndpointIds::default(), Vec::new());
        let keyed = provided && !self.endpoints.is_sequential();
        for (entry, written) in self.endpoints.0 {
            endpoints.extend(written.resolve(
                &Place { entry: &entry, keyed, app: None },
                &mut ids,
                &defaults,
                &mut warnings,
            )?);
        }
        for (place, OfApp { app_id, webhooks: List(entries) }) in self.app_webhooks.0 {
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

        let only = |id| if let AppScope::Only(app) = id { Some(app) } else { None };
        let app_ids: Vec<AppId> = self.app_ids.items().filter_map(only).collect();
        let previous_secrets = of_apps(self.previous_secrets, &app_ids, &mut warnings);

        warnings.extend(connection::check_against_lease(&connection, ttl));

        let key_prefix = self.key_prefix.unwrap_or_else(|| "wh".to_owned());
        connection.check_prefix(&key_prefix)?;
        let can_read_roster = !matches!(connection.address, Address::Cluster(_));

        Ok(Config {
            connection,
            key_prefix,
            cluster: identity::resolve(self.cluster, self.cluster_name),
            ttl,
            departure_grace: self.departure_grace.duration(),
            subscription_count_interval: self.subscription_count_interval.duration(),
            cache_miss_ttl: self.cache_miss_ttl.duration(),
            ignored_channels: self.ignore_channel_prefixes,
            flush_interval,
            reconcile_interval,
            outbox_max_events: self.outbox_max_events.size(),
            outbox_max_bytes: self.outbox_max_bytes.map(Whole::size),
            dead_letter_max: self.dead_letter_max.size(),
            dead_letter_max_per_endpoint: self.dead_letter_max_per_endpoint.size(),
            dead_letter_max_bytes: self.dead_letter_max_bytes.size(),
            dead_letter_age: Duration::from_secs(self.dead_letter_days.size() as u64 * DAY_S),
            queue_size: self.queue_size.size(),
            roster: self.roster.filter(|_| can_read_roster),
            shutdown_timeout: self.shutdown_timeout.duration(),
            endpoints_refresh: self.endpoints_refresh.duration(),
            metrics_listen: metrics::Listen::resolve(self.metrics_listen, self.metrics_public.or(false))?,
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::secret::Secret;

    fn read(written: Value) -> Result<Config, String> {
        Config::read(written, &Environment::default()).map_err(|error| error.to_string())
    }

    #[test]
    fn dead_letters_are_kept_for_days_and_endpoints_for_up_to_a_day() {
        let day = Duration::from_secs(86_400);
        let config = read(json!({ "dead_letter_days": 2, "endpoints_refresh": 86_400 })).unwrap();
        assert_eq!((config.dead_letter_age, config.endpoints_refresh), (2 * day, day));
        assert_eq!(
            read(json!({ "endpoints_refresh": 86_401 })).unwrap_err(),
            "resonate-webhooks.endpoints_refresh: 86401 is out of range: must be from 0 to 86400 seconds"
        );
    }

    #[test]
    fn previous_secrets_have_an_application_and_an_unknown_one_is_a_warning() {
        let of_apps = |app_ids: Value| {
            let config = read(json!({ "previous_secrets": { "app": "before" }, "app_ids": app_ids })).unwrap();
            (config.previous_secrets, config.warnings)
        };
        let before = || vec![("app".into(), vec![PreviousSecret { secret: Secret::new("before"), until: None }])];
        assert_eq!(of_apps(json!(["app"])), (before(), Vec::new()));
        assert_eq!(of_apps(json!([])), (before(), Vec::new()), "the applications are not known");
        let warning = "resonate-webhooks.previous_secrets.app: no application has this id".to_owned();
        assert_eq!(of_apps(json!(["other"])), (before(), vec![warning]));
    }
}
