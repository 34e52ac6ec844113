//! The event passed to a function. It has the form in which API Gateway would pass our POST, so a handler written for API
//! Gateway works unchanged.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::config::Header;
use crate::delivery::signature::SignedRequest;
use crate::net::http1::USER_AGENT;

/// A placeholder: a function has no URL and so no path.
const PATH: &str = "/";

/// A request in the format of a REST API proxy integration, which equals payload version 1.0 of an HTTP API.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProxyEvent<'a> {
    resource: &'a str,
    path: &'a str,
    http_method: &'a str,
    headers: Headers<'a>,
    multi_value_headers: Lists<'a>,
    query_string_parameters: (),
    multi_value_query_string_parameters: (),
    path_parameters: (),
    stage_variables: (),
    request_context: RequestContext<'a>,
    body: &'a str,
    is_base64_encoded: bool,
}

/// The origin of a request. Fields without a counterpart here are constants.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'a> {
    request_id: &'a str,
    request_time_epoch: u64,
    resource_path: &'a str,
    path: &'a str,
    http_method: &'a str,
    protocol: &'a str,
    stage: &'a str,
    identity: RequestIdentity<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestIdentity<'a> {
    source_ip: &'a str,
    user_agent: &'a str,
}

/// Headers as a map, in order.
struct Headers<'a>(&'a [(&'a str, &'a str)]);

/// Headers as a map with each value in a list.
struct Lists<'a>(&'a [(&'a str, &'a str)]);

impl Serialize for Headers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

impl Serialize for Lists<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            map.serialize_entry(name, &[value])?;
        }
        map.end()
    }
}

/// Encodes the event for an attempt. Only the time and the signatures differ between the attempts of a batch.
pub(super) fn encode(request: &SignedRequest<'_>, extra: &[Header]) -> Vec<u8> {
    let mut headers = request.headers().to_vec();
    headers.push(("User-Agent", USER_AGENT));
    headers.extend(extra.iter().map(|header| (header.name(), header.value().expose())));
    let text = str::from_utf8(request.body);
    let encoded = text.is_err().then(|| STANDARD.encode(request.body));
    let event = ProxyEvent {
        resource: PATH,
        path: PATH,
        http_method: "POST",
        headers: Headers(&headers),
        multi_value_headers: Lists(&headers),
        query_string_parameters: (),
        multi_value_query_string_parameters: (),
        path_parameters: (),
        stage_variables: (),
        request_context: RequestContext {
            request_id: request.id,
            request_time_epoch: request.timestamp.parse::<u64>().unwrap_or_default().saturating_mul(1000),
            resource_path: PATH,
            path: PATH,
            http_method: "POST",
            protocol: "HTTP/1.1",
            stage: "$default",
            identity: RequestIdentity { source_ip: "127.0.0.1", user_agent: USER_AGENT },
        },
        body: encoded.as_deref().or(text.ok()).unwrap_or_default(),
        is_base64_encoded: encoded.is_some(),
    };
    // Cannot fail: the event has only strings and numbers under fixed names.
    serde_json::to_vec(&event).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn request(body: &[u8]) -> SignedRequest<'_> {
        SignedRequest {
            id: "msg_1",
            key: "key".to_owned(),
            pusher_signature: "p".to_owned(),
            standard_signatures: "v1,s".to_owned(),
            timestamp: "1700000000".to_owned(),
            body,
        }
    }

    fn event(body: &[u8], extra: &[Header]) -> Value {
        serde_json::from_slice(&encode(&request(body), extra)).unwrap()
    }

    #[test]
    fn the_event_equals_the_one_that_api_gateway_would_pass() {
        let event = event(b"{}", &[Header::new("X-Tenant", "7").unwrap()]);
        let headers = json!({
            "Content-Type": "application/json", "X-Pusher-Key": "key", "X-Pusher-Signature": "p",
            "webhook-id": "msg_1", "webhook-timestamp": "1700000000", "webhook-signature": "v1,s",
            "User-Agent": USER_AGENT, "X-Tenant": "7",
        });
        assert_eq!(event["headers"], headers);
        for (name, value) in headers.as_object().unwrap() {
            assert_eq!(event["multiValueHeaders"][name], json!([value]));
        }
        assert_eq!((&event["httpMethod"], &event["path"], &event["body"]), (&json!("POST"), &json!("/"), &json!("{}")));
        assert_eq!(event["isBase64Encoded"], json!(false));
        assert_eq!(event["requestContext"]["requestId"], json!("msg_1"));
        assert_eq!(event["requestContext"]["requestTimeEpoch"], json!(1_700_000_000_000_u64));
    }

    #[test]
    fn the_event_has_the_signed_body_byte_for_byte() {
        let body = "{\"data\":\"\\\"é\\u0000\u{2028}/\\\\\"}";
        assert_eq!(event(body.as_bytes(), &[])["body"], json!(body));
        let odd = event(b"\xff\x00", &[]);
        assert_eq!((&odd["body"], &odd["isBase64Encoded"]), (&json!("/wA="), &json!(true)));
    }

    #[test]
    fn a_body_within_the_limit_gives_an_event_that_aws_accepts() {
        let lambda = |invocation| crate::config::Lambda {
            function: "f".to_owned(),
            region: "r".to_owned(),
            qualifier: None,
            invocation,
            service: None,
            credentials: Vec::new(),
        };
        for (invocation, most) in
            [(crate::config::Invocation::Event, 1_000_000), (crate::config::Invocation::RequestResponse, 6_000_000)]
        {
            let worst = vec![b'"'; lambda(invocation).max_body_bytes()];
            let length = encode(&request(&worst), &[]).len();
            assert!((most - 16_384..=most).contains(&length), "{length}");
        }
    }
}
