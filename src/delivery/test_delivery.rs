//! Test deliveries: one signed request that shows whether an endpoint accepts webhooks.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::Credentials;
use super::attempt::AttemptResult;
use super::client::Clients;
use super::signature::sign;
use super::signing_key::Signer;
use crate::config::Endpoint;
use crate::telemetry::Telemetry;

/// The result of a test delivery.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TestDelivery {
    /// Whether the endpoint answered 2xx.
    pub ok: bool,
    /// The HTTP status, if the endpoint answered.
    pub status: Option<u16>,
    /// The error, if it failed.
    pub error: Option<String>,
    /// A remedy for the error.
    pub advice: Option<String>,
    /// The duration in ms, including the connection.
    pub took_ms: f64,
    /// The `webhook-id` that was sent.
    pub id: String,
}

/// Sends one signed event named `test` to `endpoint` and waits for the answer. Uses the address rules, TLS and proxy of a real
/// delivery.
#[must_use]
pub fn test_delivery(endpoint: &Endpoint, credentials: &Credentials) -> TestDelivery {
    let id = format!("msg_test_{:016x}", rand::random::<u64>());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (body, app) = (body(now), credentials.clone().into());
    let began = Instant::now();
    let clients = Clients::new(&Arc::new(Telemetry::default()), || {});
    let result = match clients.set(std::slice::from_ref(endpoint)) {
        Ok(()) => clients.of(&endpoint.id).and_then(|(client, own)| {
            let signer = Signer::of(Some(&app), own.as_ref())?;
            Some(client.send(&sign(&id, now.as_secs(), &body, signer), None))
        }),
        Err(error) => Some(AttemptResult::Failed(error.to_string())),
    };
    let took_ms = (began.elapsed().as_secs_f64() * 10_000.0).round() / 10.0;
    let (ok, status, error) = match result {
        Some(AttemptResult::Status { status, .. }) if (200..300).contains(&status) => (true, Some(status), None),
        Some(AttemptResult::Status { status, .. }) => (false, Some(status), Some(format!("HTTP {status}"))),
        Some(
            AttemptResult::Refused { reason, .. } | AttemptResult::TooLarge { reason } | AttemptResult::Failed(reason),
        ) => (false, None, Some(reason)),
        _ => (false, None, Some("nothing was sent".to_owned())),
    };
    let advice = match (status, &error) {
        (Some(status), Some(_)) => about_status(status),
        (None, Some(error)) => about_error(error),
        _ => None,
    };
    TestDelivery { ok, status, error, advice: advice.map(str::to_owned), took_ms, id }
}

fn body(now: Duration) -> Vec<u8> {
    let events = r#"[{"name":"test","channel":"resonate-webhooks-test"}]"#;
    format!(r#"{{"time_ms":{},"events":{events}}}"#, now.as_millis()).into_bytes()
}

fn about_status(status: u16) -> Option<&'static str> {
    Some(match status {
        300..=399 => "Redirects are not followed: use the URL to which it leads.",
        401 | 403 => "It wants a login, or the signature does not fit: compare the secret on both sides.",
        404 => "There is nothing under this path.",
        405 => "It takes no POST under this path.",
        407 => "The proxy wants a login: write it into the URL of proxy.",
        410 => {
            "It wants nothing more: a server that gets this answer disables the endpoint, on all servers, until it is resumed."
        }
        413 => "It finds the body too large: see its own limits, and batch_max_bytes.",
        419 => "Laravel wants a CSRF token: except the path from that check, or put the route into routes/api.php.",
        429 => "It is asked too often.",
        500..=599 => "It fails inside: its own log tells why.",
        _ => return None,
    })
}

/// The remedy for an error of the system, of TLS, or of this crate, recognized by its text. Tests check the texts against
/// real errors.
fn about_error(error: &str) -> Option<&'static str> {
    let says = |words: &[&str]| words.iter().any(|word| error.to_lowercase().contains(word));
    Some(if says(&["unknownissuer"]) {
        "Its certificate is of an authority that is not trusted here: name that in ca_file, or have the endpoint send its \
         intermediate certificates as well."
    } else if says(&["notvalidforname", "not valid for name"]) {
        "Its certificate is for another name than that in the URL."
    } else if says(&["expired"]) {
        "Its certificate has expired."
    } else if says(&["certificaterequired", "certificate required"]) {
        "It wants to know us by a certificate: set client_cert and client_key."
    } else if says(&["certificate", "handshake", "tls", "corrupt message", "invalidcontenttype"]) {
        "TLS failed: does this port speak it, and in version 1.2 or later?"
    } else if says(&["link-local", "metadata service", "deny_private_networks"]) {
        "The rules about addresses refuse it: deny_private_networks and allow_link_local."
    } else if says(&["no address for", "lookup", "host not found", "name or service not known", "resolution"]) {
        "The name in the URL has no address here: is it spelt right, and does this machine's DNS know it?"
    } else if says(&["connection refused"]) {
        "Nothing listens there, or a firewall refuses: check the port and that the receiver runs."
    } else if says(&["no connection within", "unreachable"]) {
        "No way leads there: a firewall may swallow it, or the address is wrong."
    } else if says(&["no answer within"]) {
        "It took the request and did not answer in time: let it answer first and work afterwards, or raise timeout."
    } else if says(&["proxy", "socks"]) {
        "The proxy does not let it through."
    } else if says(&["connection reset", "broken pipe", "end of file", "disconnected", "closed"]) {
        "It closed the connection without an answer: does it speak TLS where the URL says http, or want to know us by a \
         certificate (client_cert, client_key)?"
    } else {
        return None;
    })
}
