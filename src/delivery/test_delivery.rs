//! Test deliveries: one signed request that checks whether an endpoint accepts webhooks.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use super::Credentials;
use super::attempt::AttemptResult;
use super::client::Clients;
use super::signature::sign;
use super::signing_key::{Signer, SigningKey};
use crate::cluster::system_ms;
use crate::config::Endpoint;
use crate::telemetry::Telemetry;

/// The result of a test delivery.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TestDelivery {
    /// `true` if the endpoint answered 2xx.
    pub ok: bool,
    /// The HTTP status, if the endpoint answered.
    pub status: Option<u16>,
    /// The error, if the delivery failed.
    pub error: Option<String>,
    /// A remedy for the error, if one is known.
    pub advice: Option<String>,
    /// The duration in ms, including the time to connect.
    pub took_ms: f64,
    /// The `webhook-id` that was sent.
    pub id: String,
}

/// Sends one signed event named `test` to `endpoint` and waits for the answer. Address rules, TLS and proxy are the same as
/// in a real delivery.
#[must_use]
pub fn test_delivery(endpoint: &Endpoint, credentials: &Credentials) -> TestDelivery {
    let id = format!("msg_test_{:016x}", rand::random::<u64>());
    let now_ms = system_ms();
    let (body, app) = (body(now_ms), SigningKey::of_app(credentials.key.clone(), &credentials.secret, &[]));
    let began = Instant::now();
    let clients = Clients::new(&Arc::new(Telemetry::default()), || {});
    let result = match clients.set(std::slice::from_ref(endpoint)) {
        Ok(()) => clients.of(&endpoint.id).and_then(|(client, own)| {
            let signer = Signer::of(Some(&app), own.as_ref())?;
            Some(client.send(&sign(&id, now_ms / 1000, &body, signer), None).result)
        }),
        Err(error) => Some(AttemptResult::Failed(error.to_string())),
    };
    let took_ms = (began.elapsed().as_secs_f64() * 10_000.0).round() / 10.0;
    let (ok, status, error) = match result {
        Some(AttemptResult::Status { status, .. }) if (200..300).contains(&status) => (true, Some(status), None),
        Some(AttemptResult::Status { status, .. }) => (false, Some(status), Some(format!("HTTP {status}"))),
        Some(
            AttemptResult::Refused { reason, .. } | AttemptResult::TooLarge(reason) | AttemptResult::Failed(reason),
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

fn body(now_ms: u64) -> Vec<u8> {
    let events = r#"[{"name":"test","channel":"resonate-webhooks-test"}]"#;
    format!(r#"{{"time_ms":{now_ms},"events":{events}}}"#).into_bytes()
}

fn about_status(status: u16) -> Option<&'static str> {
    Some(match status {
        300..=399 => "Redirects are not followed. Set the URL to the target of the redirect.",
        401 | 403 => {
            "The endpoint requires authentication, or the signature does not match. Compare the secret on both sides."
        }
        404 => "The endpoint has no route for this path. Check the URL.",
        405 => "The endpoint does not accept POST requests for this path.",
        407 => "The proxy requires authentication. Add the credentials to the proxy URL.",
        410 => {
            "The endpoint is gone. On this answer, a running server disables the endpoint on all servers until you resume it."
        }
        413 => "The body is too large for the endpoint. Raise the limit there, or lower batch_max_bytes.",
        419 => {
            "Laravel requires a CSRF token. Exclude the path from CSRF protection, or move the route to routes/api.php."
        }
        429 => "The endpoint is rate limited.",
        500..=599 => "The endpoint failed with a server error. Check its log.",
        _ => return None,
    })
}

/// Returns the remedy for an error of the system, of TLS or of this crate. Matches the error text; tests check the matches
/// against real errors.
fn about_error(error: &str) -> Option<&'static str> {
    let says = |words: &[&str]| words.iter().any(|word| error.to_lowercase().contains(word));
    Some(if says(&["unknownissuer"]) {
        "The certificate is from an authority that is not trusted here. Set ca_file to that authority, or configure the \
         endpoint to also send its intermediate certificates."
    } else if says(&["notvalidforname", "not valid for name"]) {
        "The certificate is for another name than the host in the URL."
    } else if says(&["expired"]) {
        "The certificate has expired."
    } else if says(&["certificaterequired", "certificate required"]) {
        "The endpoint requires a client certificate. Set client_cert and client_key."
    } else if says(&["certificate", "handshake", "tls", "corrupt message", "invalidcontenttype"]) {
        "TLS failed. Check that this port speaks TLS, in version 1.2 or later."
    } else if says(&["link-local", "metadata service", "deny_private_networks"]) {
        "The address rules refuse this address. Check deny_private_networks and allow_link_local."
    } else if says(&["no address for", "lookup", "host not found", "name or service not known", "resolution"]) {
        "The host in the URL does not resolve. Check its spelling and this machine's DNS."
    } else if says(&["connection refused"]) {
        "Nothing listens there, or a firewall refuses the connection. Check the port and that the receiver is running."
    } else if says(&["no connection within", "unreachable"]) {
        "The address cannot be reached. A firewall may drop the packets, or the address is wrong."
    } else if says(&["no answer within"]) {
        "The endpoint accepted the request but did not answer in time. Make it answer first and do the work afterwards, or \
         raise timeout."
    } else if says(&["proxy", "socks"]) {
        "The proxy refuses the connection."
    } else if says(&["connection reset", "broken pipe", "end of file", "disconnected", "closed"]) {
        "The endpoint closed the connection without an answer. Use https in the URL if it speaks TLS, and http if not. It may \
         also require a client certificate (client_cert, client_key)."
    } else {
        return None;
    })
}
