//! Fuzzes the heads of requests: URLs, headers and proxies of endpoints.

use std::sync::Arc;

use serde_json::json;
use url::{Position, Url};

use super::*;
use crate::aws::Environment;
use crate::config::{Config, Target};
use crate::fuzz::{document, fuzz};
use crate::net::DnsCache;
use crate::net::http1::{Connector, Idle};

/// Returns the value of `Host` for a URL.
fn host(url: &Url) -> String {
    let name = url.host_str().expect("an http(s) URL has a host");
    url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
}

/// Returns the headers that a request to this endpoint should have, in order, with their values.
fn expected(endpoint: &Endpoint, url: &EndpointUrl, request: &SignedRequest<'_>) -> Vec<(String, String)> {
    let (length, host) = (request.body.len().to_string(), host(&url.url));
    let login = url.credentials.as_ref().map(|login| format!("Basic {}", STANDARD.encode(login.expose())));
    let own: Vec<(&str, &str)> = endpoint.headers.iter().map(Header::parts).collect();
    let common = [("User-Agent", crate::net::http1::USER_AGENT), ("Accept", "*/*")];
    let common = common.into_iter().filter(|(name, _)| !own.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)));
    let headers = [("Host", host.as_str())].into_iter().chain(common).chain(own.iter().copied());
    let headers = headers.chain(login.as_deref().map(|login| ("Authorization", login)));
    let headers = headers.chain(request.headers()).chain([("Content-Length", length.as_str())]);
    // Spaces around a value are not part of it.
    headers.map(|(name, value)| (name.to_owned(), value.trim_matches([' ', '\t']).to_owned())).collect()
}

/// Checks the head of a request to an endpoint, as another parser reads it.
fn check(endpoint: &Endpoint, url: &EndpointUrl, client: &HttpClient) {
    let request = SignedRequest::of_body(b"{}");
    let head = client.head_of(&request).and_then(|head| head.end(2)).expect("a checked header can be sent");
    let mut headers = [httparse::EMPTY_HEADER; 128];
    let mut parsed = httparse::Request::new(&mut headers);
    let length = parsed.parse(&head).unwrap_or_else(|error| panic!("{error} in {}", head.escape_ascii()));
    assert_eq!(length, httparse::Status::Complete(head.len()), "{}", head.escape_ascii());
    let path = &url.url[Position::BeforePath..Position::AfterQuery];
    let sent = parsed.path.unwrap_or_default();
    assert!(sent == path || (endpoint.proxy.is_some() && sent == format!("http://{}{path}", host(&url.url))), "{sent}");
    assert_eq!((parsed.method, parsed.version), (Some("POST"), Some(1)));
    let is_for_proxy = |name: &str| name == "Proxy-Authorization" && endpoint.proxy.is_some();
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let sent: Vec<(String, String)> = parsed
        .headers
        .iter()
        .filter(|header| !is_for_proxy(header.name))
        .map(|header| (header.name.to_owned(), text(header.value)))
        .collect();
    assert_eq!(sent, expected(endpoint, url, &request));
}

#[test]
fn a_request_has_the_headers_of_its_endpoint_and_no_others() {
    let common = Common {
        connector: Arc::new(Connector::new(ureq::tls::TlsConfig::default())),
        dns: DnsCache::new(Arc::default()),
        idle: Arc::new(Idle::new(|| {})),
    };
    fuzz("request_head", 2_500, |input| {
        let Some((endpoint, _)) = document(input) else { return };
        let environment = Environment::default();
        let Ok(config) = Config::read(json!({ "endpoints": [endpoint] }), &environment) else { return };
        for endpoint in &config.endpoints {
            let Target::Url(url) = &endpoint.target else { continue };
            let shown = endpoint.target.to_string();
            assert!(!shown.contains(['?', '#']) && !shown.contains(char::is_control), "{shown}");
            let Ok(again) = EndpointUrl::try_from(url.configured.to_string()) else {
                panic!("{shown} is not read again")
            };
            assert_eq!((again.as_str(), &again.credentials), (url.as_str(), &None));
            match HttpClient::new(endpoint, url, common.clone()) {
                Ok(client) => check(endpoint, url, &client),
                Err(error) => assert!(error.to_string().starts_with("resonate-webhooks.endpoints."), "{error}"),
            }
        }
    });
}
