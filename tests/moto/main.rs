//! Invocations of Lambda functions and messages to SQS, checked by moto: a server that speaks AWS' protocol, enforces
//! permissions and verifies signatures with AWS' own code. Needs `scripts/with-moto`; see `make test-moto`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set up its servers has failed")]

mod queues;
mod server;
#[path = "../support/mod.rs"]
mod support;

use std::sync::LazyLock;

use resonate_webhooks::aws::Environment;
use resonate_webhooks::config::{Config, Endpoint};
use resonate_webhooks::telemetry::Outcome;
use serde_json::{Value, json};
use server::Moto;
use support::node::{Node, numbered};
use support::receiver::{Answer, Receiver};

/// Server of the tests that do not change it, because it starts slowly. It ends with the process.
static MOTO: LazyLock<Moto> = LazyLock::new(Moto::start);

/// Returns an endpoint for the function `hooks` at `moto`, with further settings from `lambda`.
fn function(moto: &Moto, lambda: &Value, environment: &Environment) -> Endpoint {
    let mut function = json!({ "function_name": "hooks", "region": "eu-central-1", "endpoint_url": moto.url });
    function.as_object_mut().unwrap().extend(lambda.as_object().unwrap().clone());
    let config = json!({ "endpoints": [{ "lambda": function, "max_attempts": 2 }] });
    Config::read(config, environment).unwrap().endpoints.remove(0)
}

/// The same, with these access keys.
fn with_keys(moto: &Moto, keys: &Value, lambda: &Value) -> Endpoint {
    let mut all = keys.clone();
    all.as_object_mut().unwrap().extend(lambda.as_object().unwrap().clone());
    function(moto, &all, &Environment::default())
}

/// Delivers two events. Returns the status and the number of attempts, or the reason of the dead letter.
fn result(endpoint: Endpoint) -> Result<(u16, u32), String> {
    let node = Node::start(vec![endpoint]);
    node.accept("app", numbered(0..2));
    match node.outcome() {
        Outcome::Delivered { status, attempts, .. } => Ok((status, attempts)),
        Outcome::Dropped { reason, .. } => Err(reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn aws_accepts_every_kind_of_invocation() {
    let moto = &*MOTO;
    let arn = format!("arn:aws:lambda:eu-central-1:{}:function:hooks", moto.account);
    for (lambda, status) in [
        (json!({}), 200),
        (json!({ "invocation_type": "Event" }), 202),
        (json!({ "qualifier": "prod" }), 200),
        (json!({ "qualifier": "$LATEST" }), 200),
        (json!({ "function_name": arn }), 200),
        (json!({ "function_name": format!("{arn}:prod"), "invocation_type": "Event" }), 202),
    ] {
        assert_eq!(result(with_keys(moto, &moto.allowed, &lambda)), Ok((status, 1)), "{lambda}");
    }
}

#[test]
fn aws_accepts_the_temporary_credentials_of_a_container() {
    let (moto, container) = (&*MOTO, Receiver::start());
    let told = json!({
        "AccessKeyId": moto.role["access_key_id"], "SecretAccessKey": moto.role["secret_access_key"],
        "Token": moto.role["session_token"], "Expiration": "2099-01-01T00:00:00Z",
    });
    container.always("/credentials", Answer::Body(200, told.to_string(), Vec::new()));
    let uri = container.url("/credentials");
    let environment = Environment::from([("AWS_CONTAINER_CREDENTIALS_FULL_URI", &*uri)]);
    assert_eq!(result(function(moto, &json!({}), &environment)), Ok((200, 1)));
}

#[test]
fn aws_refuses_wrong_keys_and_keys_without_the_right_to_invoke() {
    let moto = &*MOTO;
    let other_secret = json!({ "secret_access_key": "hunter2" });
    let other_token = json!({ "session_token": "hunter2" });
    for endpoint in [
        with_keys(moto, &moto.allowed, &other_secret),
        with_keys(moto, &moto.role, &other_secret),
        with_keys(moto, &moto.role, &other_token),
        with_keys(moto, &moto.denied, &json!({})),
    ] {
        let reason = result(Endpoint { max_attempts: 1, ..endpoint }).unwrap_err();
        assert!(reason.starts_with("HTTP 403"), "{reason}");
    }
}

#[test]
fn the_status_that_a_function_returns_decides_about_a_retry() {
    let (moto, region) = (&*MOTO, json!({ "region": "eu-west-1" }));
    moto.functions_return(&[json!({ "statusCode": 503 }), json!({ "statusCode": 204 })]);
    assert_eq!(result(with_keys(moto, &moto.allowed, &region)), Ok((204, 2)));
    moto.functions_return(&[json!({ "statusCode": 500 }), json!({ "statusCode": 502 })]);
    assert_eq!(result(with_keys(moto, &moto.allowed, &region)), Err("HTTP 502".to_owned()));
}

#[test]
fn a_missing_function_is_reported_as_missing() {
    let moto = Moto::start();
    moto.looks_for_functions();
    let reason = result(with_keys(&moto, &moto.allowed, &json!({ "function_name": "nobody" }))).unwrap_err();
    assert!(reason.starts_with("HTTP 404"), "{reason}");
}
