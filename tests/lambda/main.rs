//! AWS Lambda functions as endpoints: the invocation and the outcomes. A receiver stands
//! in for AWS and for the metadata services of containers and machines. `tests/moto` checks the signature.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set up its servers has failed")]

mod credentials;
#[path = "../support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use resonate_webhooks::aws::Environment;
use resonate_webhooks::config::{Config, Endpoint};
use resonate_webhooks::telemetry::Outcome;
use serde_json::{Value, json};
use support::node::{Node, numbered};
use support::receiver::{Answer, Received, Receiver};
use support::wait::eventually;

/// Path for invocations of `hooks`.
const INVOKE: &str = "/2015-03-31/functions/hooks/invocations";

const LABEL: &str = "lambda:eu-central-1:hooks";

/// Returns an endpoint for the function `hooks` at `receiver`, with further settings.
fn function(receiver: &Receiver, lambda: &Value, settings: &Value, environment: &Environment) -> Endpoint {
    let mut endpoint = json!({
        "lambda": { "function_name": "hooks", "region": "eu-central-1", "endpoint_url": receiver.url("") },
    });
    endpoint["lambda"].as_object_mut().unwrap().extend(lambda.as_object().unwrap().clone());
    endpoint.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    Config::read(json!({ "endpoints": [endpoint] }), environment).unwrap().endpoints.remove(0)
}

/// The same, with access keys in its config.
fn with_keys(receiver: &Receiver, lambda: &Value, settings: &Value) -> Endpoint {
    let mut keys = json!({ "access_key_id": "AKIDCONFIG", "secret_access_key": "hunter2" });
    keys.as_object_mut().unwrap().extend(lambda.as_object().unwrap().clone());
    function(receiver, &keys, settings, &Environment::default())
}

/// Delivers one event. Returns the status, or the reason of the drop.
fn result(endpoint: Endpoint) -> Result<u16, String> {
    let node = Node::start(vec![endpoint]);
    node.accept("app", numbered(0..1));
    match node.outcome() {
        Outcome::Delivered { url, status, .. } if url == LABEL => Ok(status),
        Outcome::Dropped { url, reason, .. } if url == LABEL => Err(reason),
        other => panic!("{other:?}"),
    }
}

fn answers(returned: &Value) -> Answer {
    Answer::Body(200, returned.to_string(), Vec::new())
}

#[test]
fn a_function_is_invoked_with_the_request_that_a_url_would_get() {
    let receiver = Receiver::start();
    let node = Node::start(vec![with_keys(&receiver, &json!({}), &json!({ "headers": { "X-Tenant": "7" } }))]);
    node.accept("app", ["private-a/\"b\"".to_owned()]);
    let request = receiver.wait_for(INVOKE, 1).remove(0);
    assert_eq!(request.method, "POST");
    assert_eq!(request.header("x-amz-invocation-type"), Some("RequestResponse"));
    assert_eq!(request.header("x-amz-security-token"), None);
    let scope = "/eu-central-1/lambda/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-invocation-type, ";
    let authorization = request.header("authorization").unwrap();
    assert!(authorization.contains(scope), "{authorization}");
    assert_eq!(request.header("x-tenant"), None, "the header is for the function, not for AWS");

    let event = request.json();
    let body = r#"{"time_ms":1700000000000,"events":[{"name":"channel_occupied","channel":"private-a/\"b\""}]}"#;
    assert_eq!(event["body"], json!(body));
    assert_eq!((&event["httpMethod"], &event["isBase64Encoded"]), (&json!("POST"), &json!(false)));
    let headers = &event["headers"];
    assert_eq!(headers["X-Pusher-Key"], json!("app-key"));
    // printf '%s' '{"time_ms":...}' | openssl dgst -sha256 -hmac app-secret
    assert_eq!(
        headers["X-Pusher-Signature"],
        json!("d5a062ac3899c40790bb22eb299aabc2491ede57e4a1172d1a7d9075be7ffbb9")
    );
    assert!(headers["webhook-id"].as_str().unwrap().starts_with("msg_"));
    assert!(headers["webhook-signature"].as_str().unwrap().starts_with("v1,"));
    assert_eq!((&headers["Content-Type"], &headers["X-Tenant"]), (&json!("application/json"), &json!("7")));
    let outcome = node.outcome();
    assert!(
        matches!(&outcome, Outcome::Delivered { url, status: 200, app_id, attempts: 1, .. } if url == LABEL && app_id == "app"),
        "{outcome:?}"
    );
}

#[test]
fn every_attempt_has_the_same_batch_and_its_own_timestamp_whatever_failed_before() {
    let receiver = Receiver::start();
    let throttled = vec![("x-amzn-ErrorType", "TooManyRequestsException".to_owned()), ("Retry-After", "1".to_owned())];
    receiver.script(INVOKE, [Answer::Body(429, "{}".to_owned(), throttled), answers(&json!({ "statusCode": 503 }))]);
    let node = Node::start(vec![with_keys(&receiver, &json!({}), &json!({}))]);
    node.accept("app", numbered(0..3));
    let requests = receiver.wait_for(INVOKE, 3);
    let events: Vec<Value> = requests.iter().map(Received::json).collect();
    for event in &events {
        assert_eq!(event["body"], events[0]["body"]);
        assert_eq!(event["headers"]["webhook-id"], events[0]["headers"]["webhook-id"]);
    }
    let signed = |event: &Value| event["headers"]["webhook-timestamp"].as_str().unwrap().parse::<u64>().unwrap();
    assert!(signed(&events[0]) < signed(&events[1]) && signed(&events[1]) < signed(&events[2]));
    let time = |event: &Value| event["requestContext"]["requestTimeEpoch"].as_u64().unwrap();
    assert!(events.iter().all(|event| time(event) == 1000 * signed(event)));
    assert_eq!(requests[0].connection, requests[2].connection, "all invocations use one connection");
    assert!(matches!(node.outcome(), Outcome::Delivered { attempts: 3, status: 200, .. }));
}

#[test]
fn the_result_of_the_function_is_the_response_to_the_webhook() {
    let receiver = Receiver::start();
    let once = json!({ "max_attempts": 1 });
    let failed = vec![("X-Amz-Function-Error", "Unhandled".to_owned())];
    let missing = vec![("x-amzn-ErrorType", "ResourceNotFoundException:http://internal.amazon.com/".to_owned())];
    for (answer, expected) in [
        (answers(&json!({ "statusCode": 204, "body": "" })), Ok(204)),
        (answers(&json!({ "statusCode": 500 })), Err("HTTP 500")),
        (answers(&json!("done")), Ok(200)),
        (
            Answer::Body(200, r#"{"errorType":"KeyError"}"#.to_owned(), failed),
            Err("function error: Unhandled KeyError"),
        ),
        (Answer::Body(404, "{}".to_owned(), missing), Err("HTTP 404 ResourceNotFoundException")),
        (Answer::Status(502), Err("HTTP 502")),
    ] {
        receiver.script(INVOKE, [answer]);
        assert_eq!(result(with_keys(&receiver, &json!({}), &once)), expected.map_err(str::to_owned));
    }
}

#[test]
fn an_incomplete_response_is_a_failed_attempt() {
    let receiver = Receiver::start();
    receiver.script(INVOKE, [Answer::HangInBody]);
    let endpoint = with_keys(&receiver, &json!({}), &json!({ "max_attempts": 1, "timeout": 0.5 }));
    assert_eq!(result(endpoint), Err("no answer within 500ms".to_owned()));
}

#[test]
fn a_function_that_returns_410_is_disabled() {
    let receiver = Receiver::start();
    receiver.always(INVOKE, answers(&json!({ "statusCode": 410 })));
    let endpoint = with_keys(&receiver, &json!({}), &json!({}));
    let id = endpoint.id.to_string();
    let node = Node::start(vec![endpoint]);
    node.accept("app", numbered(0..1));
    let outcomes = [node.outcome(), node.outcome()];
    let disabled = Outcome::EndpointDisabled { url: LABEL.to_owned(), endpoint: id, reason: "HTTP 410".to_owned() };
    assert!(outcomes.contains(&disabled), "{outcomes:?}");
}

#[test]
fn an_asynchronous_invocation_is_delivered_when_aws_accepts_it() {
    let receiver = Receiver::start();
    let path = "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-central-1%3A123456789012%3Afunction%3Ahooks/invocations?Qualifier=prod";
    receiver.always(path, Answer::Status(202));
    let arn = "arn:aws:lambda:eu-central-1:123456789012:function:hooks";
    let lambda = json!({ "function_name": arn, "qualifier": "prod", "invocation_type": "Event" });
    let node = Node::start(vec![with_keys(&receiver, &lambda, &json!({}))]);
    node.accept("app", numbered(0..1));
    let label = format!("{LABEL}:prod");
    let outcome = node.outcome();
    let is_expected = matches!(&outcome, Outcome::Delivered { url, status: 202, attempts: 1, .. } if *url == label);
    assert!(is_expected, "{outcome:?}");
    assert_eq!(receiver.received(path)[0].header("x-amz-invocation-type"), Some("Event"));
}

#[test]
fn a_batch_stays_within_the_payload_limit_of_a_function() {
    let receiver = Receiver::start();
    let lambda = json!({
        "function_name": "hooks", "region": "eu-central-1", "endpoint_url": receiver.url(""), "invocation_type": "Event",
        "access_key_id": "AKIDCONFIG", "secret_access_key": "hunter2",
    });
    let config =
        json!({ "batch_max_bytes": 16_000_000, "batch_max_events": 10_000, "endpoints": [{ "lambda": lambda }] });
    let node = Node::start(Config::from_value(config).unwrap().endpoints);
    node.accept("app", (0..1000).map(|n| format!("{n}{}", "\"".repeat(1000))));
    let sizes = || receiver.received(INVOKE).iter().map(|request| request.body.len()).collect::<Vec<_>>();
    support::engine::eventually("all events", || {
        let count = |request: &Received| {
            let body: Value = serde_json::from_str(request.json()["body"].as_str().unwrap()).unwrap();
            body["events"].as_array().unwrap().len()
        };
        receiver.received(INVOKE).iter().map(count).sum::<usize>() == 1000
    });
    assert!(sizes().len() > 2 && sizes().into_iter().all(|size| size <= 1_000_000), "{:?}", sizes());
}

#[test]
fn the_address_rules_apply_to_the_lambda_service() {
    let receiver = Receiver::start();
    let settings = json!({ "deny_private_networks": true, "max_attempts": 1 });
    let refused = "refused to connect: 127.0.0.1 is not public, which deny_private_networks refuses";
    assert_eq!(result(with_keys(&receiver, &json!({}), &settings)), Err(refused.to_owned()));
}

#[test]
fn a_stop_waits_neither_for_a_function_nor_for_credentials() {
    let receiver = Receiver::start();
    let uri = receiver.url("/credentials");
    let environment = Environment::from([("AWS_CONTAINER_CREDENTIALS_FULL_URI", &*uri)]);
    receiver.always("/credentials", Answer::Hang);
    receiver.always(INVOKE, Answer::Hang);
    let stuck = |endpoint: Endpoint, path: &str| {
        let node = Node::start(vec![endpoint]);
        for n in 0..3 {
            node.accept(&format!("app-{n}"), numbered(0..1));
        }
        receiver.wait_for(path, 1);
        let began = Instant::now();
        assert!(node.delivery.stop(began + Duration::from_secs(10)), "all threads must end in time");
        began.elapsed()
    };
    let invoking = stuck(with_keys(&receiver, &json!({}), &json!({})), INVOKE);
    let asking = stuck(function(&receiver, &json!({}), &json!({}), &environment), "/credentials");
    // Less than the timeouts of both.
    assert!(invoking < Duration::from_secs(5) && asking < Duration::from_millis(1500), "{invoking:?} {asking:?}");
}

#[test]
fn the_payload_of_a_failed_function_is_kept_without_the_session_token() {
    let answer = |answer: Answer| {
        let receiver = Receiver::start();
        receiver.script(INVOKE, [answer]);
        let lambda = json!({ "session_token": "token-marker" });
        let node = Node::start(vec![with_keys(&receiver, &lambda, &json!({ "max_attempts": 1 }))]);
        node.accept("app", numbered(0..1));
        eventually("the failure", || {
            node.outcomes().into_iter().find_map(|outcome| match outcome {
                Outcome::EndpointFailing { answer, .. } => answer,
                _ => None,
            })
        })
    };
    let error = r#"{"errorMessage":"no database","errorType":"Oops"}"#;
    let failed = answer(Answer::Body(200, error.to_owned(), vec![("X-Amz-Function-Error", "Unhandled".to_owned())]));
    assert_eq!((failed.status, &*failed.text), (None, error));
    let returned = answer(answers(&json!({ "statusCode": 503, "body": "later" })));
    assert_eq!((returned.status, &*returned.text), (Some(503), r#"{"statusCode":503,"body":"later"}"#));
    let refused =
        answer(Answer::Body(403, "{\"Message\":\"x-amz-security-token:token-marker\"}".to_owned(), Vec::new()));
    assert_eq!((refused.status, &*refused.text), (None, r#"{"Message":"x-amz-security-token:[redacted]"}"#));
}
