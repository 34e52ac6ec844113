//! The event passed to a function. It has the form in which API Gateway would pass our POST, so a handler written for API
//! Gateway works unchanged.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::config::Header;
use crate::delivery::signature::SignedRequest;
use crate::net::http1::USER_AGENT;

/// A placeholder: a function has no URL and so no path.
const PATH: &str = "/";

/// Encodes the event for an attempt, in the format of a REST API proxy integration, which equals payload version 1.0 of an
/// HTTP API. Fields of its context without a counterpart here are constants. Only the time and the signatures differ between
/// the attempts of a batch.
pub(super) fn encode(request: &SignedRequest<'_>, extra: &[Header]) -> Vec<u8> {
    let mut headers = request.headers().to_vec();
    headers.push(("User-Agent", USER_AGENT));
    headers.extend(extra.iter().map(Header::parts));
    let by_name = |form: &dyn Fn(&str) -> Value| -> Map<_, _> {
        headers.iter().map(|(name, value)| ((*name).to_owned(), form(value))).collect()
    };
    let text = str::from_utf8(request.body);
    let encoded = text.is_err().then(|| STANDARD.encode(request.body));
    let event = json!({
        "resource": PATH,
        "path": PATH,
        "httpMethod": "POST",
        "headers": by_name(&|value| json!(value)),
        "multiValueHeaders": by_name(&|value| json!([value])),
        "queryStringParameters": null,
        "multiValueQueryStringParameters": null,
        "pathParameters": null,
        "stageVariables": null,
        "requestContext": {
            "requestId": request.id,
            "requestTimeEpoch": request.timestamp.parse::<u64>().unwrap_or_default().saturating_mul(1000),
            "resourcePath": PATH,
            "path": PATH,
            "httpMethod": "POST",
            "protocol": "HTTP/1.1",
            "stage": "$default",
            "identity": { "sourceIp": "127.0.0.1", "userAgent": USER_AGENT },
        },
        "body": encoded.as_deref().or(text.ok()).unwrap_or_default(),
        "isBase64Encoded": encoded.is_some(),
    });
    event.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(body: &[u8], extra: &[Header]) -> Value {
        serde_json::from_slice(&encode(&SignedRequest::of_body(body), extra)).unwrap()
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
            let length = encode(&SignedRequest::of_body(&worst), &[]).len();
            assert!((most - 16_384..=most).contains(&length), "{length}");
        }
    }
}
