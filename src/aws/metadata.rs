//! The metadata services of containers and EC2 instances, which return the credentials of their role.

use std::io::Read;
use std::net::IpAddr;
use std::time::Duration;
use std::{fs, str};

use serde::Deserialize;
use ureq::http::{Method, Request, Uri};
use ureq::{Agent, Error};

use super::chain::ContainerToken;
use super::credentials::{AccessKeys, ExpiringKeys};
use super::time;
use crate::secret::Secret;

/// The timeout of a request. The services are on the same machine, if they exist.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The timeout of connecting. Short, because without a service the connection is not refused but times out.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The maximum number of bytes read from a response, more than any has.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// The lifetime in seconds of the token for the instance's service, which is used immediately.
const TOKEN_SECONDS: &str = "60";

/// The path that lists the roles of the instance.
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";

/// Hosts other than loopback that may return credentials without TLS: ECS, and EKS over IPv4 and IPv6.
const CONTAINER_ADDRESSES: [&str; 3] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];

/// A client of the metadata services. It uses no proxy and no address rules, because only the operator can set the addresses.
pub(super) struct Metadata(Agent);

/// A response with credentials. Both services use this format.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MetadataAnswer {
    access_key_id: Secret,
    secret_access_key: Secret,
    token: Option<Secret>,
    expiration: Option<String>,
}

impl Metadata {
    pub(super) fn new() -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(concat!("resonate-webhooks/", env!("CARGO_PKG_VERSION")))
            .timeout_global(Some(TIMEOUT))
            .timeout_resolve(Some(CONNECT_TIMEOUT))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            // A request every hour or so needs no idle connection.
            .max_idle_connections(0)
            .build();
        Self(Agent::new_with_config(config))
    }

    /// Fetches the credentials of the container.
    ///
    /// # Errors
    /// Returns the reason that there are none.
    pub(super) fn of_container(&self, uri: &str, token: &ContainerToken) -> Result<ExpiringKeys, String> {
        // The path may grant access to the credentials, so errors contain only the host.
        let host = uri.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned)).unwrap_or_default();
        let failed = |why: String| format!("no AWS credentials from the container's {host}: {why}");
        check_uri(uri).map_err(failed)?;
        let token = match token {
            ContainerToken::None => None,
            ContainerToken::Value(token) => Some(token.clone()),
            ContainerToken::File(path) => {
                let text = fs::read_to_string(path);
                let text = text.map_err(|error| failed(format!("{} cannot be read: {error}", path.display())))?;
                Some(Secret::new(text.trim()))
            }
        };
        let headers = token.iter().map(|token| ("Authorization", token));
        credentials(&self.ask(Method::GET, uri, headers).map_err(failed)?).map_err(failed)
    }

    /// Fetches the credentials of the instance's role, with version 2 of the metadata service (`IMDSv2`).
    ///
    /// # Errors
    /// Returns the reason that there are none.
    pub(super) fn of_instance(&self, host: &str) -> Result<ExpiringKeys, String> {
        let failed = |why: String| {
            format!(
                "no AWS credentials in the config, the environment or ~/.aws, nor from the instance's {host}: {why}"
            )
        };
        let lifetime = Secret::new(TOKEN_SECONDS);
        let lifetime = [("X-aws-ec2-metadata-token-ttl-seconds", &lifetime)];
        let token = self.ask(Method::PUT, &format!("{host}/latest/api/token"), lifetime).map_err(failed)?;
        let token = Secret::new(token);
        let token = [("X-aws-ec2-metadata-token", &token)];
        let roles = self.ask(Method::GET, &format!("{host}{ROLES}"), token).map_err(failed)?;
        let role = roles.lines().next().unwrap_or_default().trim();
        if role.is_empty() {
            return Err(failed("the instance has no role".to_owned()));
        }
        let answer = self.ask(Method::GET, &format!("{host}{ROLES}{role}"), token).map_err(failed)?;
        credentials(&answer).map_err(failed)
    }

    /// Aborts requests. A pending connect ends when its timeout expires.
    pub(super) fn shutdown(&self) {
        self.0.clone().shutdown();
    }

    /// Sends a request and returns the body of a response with status 200. No error contains a part of the response or of a
    /// header, which may be secret.
    fn ask<'a>(
        &self,
        method: Method,
        uri: &str,
        headers: impl IntoIterator<Item = (&'static str, &'a Secret)>,
    ) -> Result<String, String> {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(name, value.expose());
        }
        let request = request.body(()).map_err(|_| "the address or the token cannot be sent".to_owned())?;
        let mut answer = self.0.run(request).map_err(|error| explain(&error))?;
        if answer.status() != 200 {
            return Err(format!("HTTP {}", answer.status().as_u16()));
        }
        let mut body = String::new();
        let read = answer.body_mut().as_reader().take(MAX_ANSWER_BYTES).read_to_string(&mut body);
        read.map(|_| body).map_err(|_| "the response was truncated".to_owned())
    }
}

fn credentials(answer: &str) -> Result<ExpiringKeys, String> {
    // The parser's error would quote the response.
    let answer: MetadataAnswer =
        serde_json::from_str(answer).map_err(|_| "the response has no credentials".to_owned())?;
    let expire = match &answer.expiration {
        None => None,
        Some(text) => Some(time::parse(text).ok_or("the response has an invalid Expiration")?),
    };
    let MetadataAnswer { access_key_id, secret_access_key, token, .. } = answer;
    Ok(ExpiringKeys { keys: AccessKeys { access_key_id, secret_access_key, session_token: token }, expire })
}

/// Checks that credentials may be fetched from `uri`: over TLS, from this machine, or from the addresses of ECS and EKS. Other
/// requests could be intercepted.
fn check_uri(uri: &str) -> Result<(), String> {
    let refused = || "it is neither https:// nor a local address".to_owned();
    let parsed: Uri = uri.parse().map_err(|_| "it is not a URL".to_owned())?;
    let host = parsed.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let near = host == "localhost"
        || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        || CONTAINER_ADDRESSES.contains(&host);
    match parsed.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if near => Ok(()),
        _ => Err(refused()),
    }
}

fn explain(error: &Error) -> String {
    match error {
        Error::Timeout(_) => format!("no answer within {TIMEOUT:?}"),
        Error::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_fetched_only_from_a_uri_that_cannot_be_intercepted() {
        for uri in [
            "https://credentials.example.com/x",
            "http://127.0.0.1:1234/x",
            "http://localhost/x",
            "http://[::1]:80/x",
            "http://169.254.170.2/v2/credentials",
            "http://169.254.170.23/v1/credentials",
            "http://[fd00:ec2::23]/v1/credentials",
        ] {
            assert_eq!(check_uri(uri), Ok(()), "{uri}");
        }
        for uri in ["http://example.com/x", "http://10.0.0.1/x", "http://169.254.169.254/x", "ftp://127.0.0.1/", "x"] {
            assert!(check_uri(uri).is_err(), "{uri}");
        }
    }

    #[test]
    fn an_error_does_not_quote_the_response() {
        for answer in ["", "hunter2", r#"{"AccessKeyId":"a","SecretAccessKey":["hunter2"]}"#] {
            assert_eq!(credentials(answer).unwrap_err(), "the response has no credentials");
        }
        let soon = r#"{"AccessKeyId":"a","SecretAccessKey":"hunter2","Expiration":"soon"}"#;
        assert_eq!(credentials(soon).unwrap_err(), "the response has an invalid Expiration");
    }
}
