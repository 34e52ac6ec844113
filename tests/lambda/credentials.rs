//! The sources of credentials: environment, profile, container and machine.

use std::fs;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use resonate_webhooks::aws::Environment;
use resonate_webhooks::config::{Endpoint, EndpointId};
use resonate_webhooks::telemetry::Outcome;
use serde_json::json;

use crate::support::engine::eventually;
use crate::support::node::{Node, numbered};
use crate::support::receiver::{Answer, Received, Receiver};
use crate::{INVOKE, answers, function, result};

const MACHINE: &str = "/latest/meta-data/iam/security-credentials/";

/// Returns the access key id that signed a request.
fn signer(request: &Received) -> String {
    let authorization = request.header("authorization").unwrap();
    let rest = authorization.strip_prefix("AWS4-HMAC-SHA256 Credential=").unwrap();
    rest.split('/').next().unwrap().to_owned()
}

/// Response of a metadata service: credentials that are valid for this many seconds.
fn credentials(id: &str, seconds: u64) -> Answer {
    let until = SystemTime::now() + Duration::from_secs(seconds);
    let until = format!("@{}", until.duration_since(UNIX_EPOCH).unwrap().as_secs());
    let date = Command::new("date").args(["-u", "-d", &until, "+%Y-%m-%dT%H:%M:%SZ"]).output().unwrap();
    let expiration = String::from_utf8(date.stdout).unwrap();
    answers(&json!({
        "Code": "Success", "AccessKeyId": id, "SecretAccessKey": "hunter2", "Token": format!("token of {id}"),
        "Expiration": expiration.trim(),
    }))
}

#[test]
fn credentials_and_region_come_from_the_environment() {
    let receiver = Receiver::start();
    let environment = Environment::from([
        ("AWS_ACCESS_KEY_ID", "AKIDENV"),
        ("AWS_SECRET_ACCESS_KEY", "hunter2"),
        ("AWS_SESSION_TOKEN", "token"),
        ("AWS_REGION", "eu-central-1"),
    ]);
    assert_eq!(result(function(&receiver, &json!({ "region": null }), &json!({}), &environment)), Ok(200));
    let request = receiver.wait_for(INVOKE, 1).remove(0);
    assert_eq!((&*signer(&request), request.header("x-amz-security-token")), ("AKIDENV", Some("token")));
}

#[test]
fn a_profile_is_read_again_after_aws_refused_its_credentials() {
    let (receiver, folder) = (Receiver::start(), tempfile::tempdir().unwrap());
    let file = folder.path().join("credentials");
    let write = |id: &str| {
        let text = format!("[billing]\naws_access_key_id = {id}\naws_secret_access_key = hunter2\n");
        fs::write(&file, text).unwrap();
    };
    write("AKIDOLD");
    let environment = Environment::from([("AWS_SHARED_CREDENTIALS_FILE", file.to_str().unwrap())]);
    let refused = vec![("x-amzn-ErrorType", "ExpiredTokenException".to_owned())];
    receiver.script(INVOKE, [Answer::Body(403, "{}".to_owned(), refused)]);
    let node = Node::start(vec![function(&receiver, &json!({ "profile": "billing" }), &json!({}), &environment)]);
    node.accept("app", numbered(0..1));
    receiver.wait_for(INVOKE, 1);
    write("AKIDNEW");
    let signers: Vec<_> = receiver.wait_for(INVOKE, 2).iter().map(signer).collect();
    assert_eq!(signers, ["AKIDOLD", "AKIDNEW"]);
    assert!(matches!(node.outcome(), Outcome::Delivered { attempts: 2, .. }));
}

#[test]
fn container_credentials_use_the_current_token_and_are_renewed_before_they_expire() {
    let (receiver, folder) = (Receiver::start(), tempfile::tempdir().unwrap());
    let file = folder.path().join("token");
    fs::write(&file, "first\n").unwrap();
    let uri = receiver.url("/credentials");
    let environment = Environment::from([
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &*uri),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file.to_str().unwrap()),
    ]);
    receiver.script("/credentials", [credentials("AKIDSOON", 100), credentials("AKIDLATER", 7200)]);
    let node = Node::start(vec![function(&receiver, &json!({}), &json!({}), &environment)]);
    node.accept("app", numbered(0..1));
    let first = receiver.wait_for(INVOKE, 1).remove(0);
    assert_eq!((&*signer(&first), first.header("x-amz-security-token")), ("AKIDSOON", Some("token of AKIDSOON")));
    fs::write(&file, "second\n").unwrap();

    // These are valid for a while. The next attempts use them until it is time to fetch new ones.
    let mut sent = 1;
    eventually("the next credentials", || {
        sent += 1;
        node.accept("app", numbered(sent..sent + 1));
        signer(receiver.wait_for(INVOKE, sent).last().unwrap()) == "AKIDLATER"
    });
    for n in 0..3 {
        sent += 1;
        node.accept("app", numbered(100 + n..101 + n));
        assert_eq!(signer(receiver.wait_for(INVOKE, sent).last().unwrap()), "AKIDLATER");
    }
    let asked = receiver.received("/credentials");
    let tokens: Vec<_> = asked.iter().map(|request| request.header("authorization").unwrap()).collect();
    assert_eq!(tokens, ["first", "second"]);
}

#[test]
fn machine_credentials_are_fetched_once_for_all_endpoints_and_lanes() {
    let receiver = Receiver::start();
    let host = receiver.url("");
    let environment = Environment::from([("AWS_EC2_METADATA_SERVICE_ENDPOINT", &*host)]);
    receiver.always("/latest/api/token", Answer::Body(200, "session".to_owned(), Vec::new()));
    receiver.always(MACHINE, Answer::Body(200, "web\n".to_owned(), Vec::new()));
    receiver.always(&format!("{MACHINE}web"), credentials("AKIDROLE", 3600));
    let endpoint = |id: &str| {
        let endpoint = function(&receiver, &json!({}), &json!({}), &environment);
        Endpoint { id: EndpointId::new(id), ..endpoint }
    };
    let node = Node::start(vec![endpoint("a"), endpoint("b")]);
    for n in 0..20 {
        node.accept(&format!("app-{n}"), numbered(0..1));
    }
    assert!(receiver.wait_for(INVOKE, 40).iter().all(|request| signer(request) == "AKIDROLE"));
    let token = receiver.received("/latest/api/token");
    assert_eq!((token.len(), &*token[0].method), (1, "PUT"));
    assert!(token[0].header("x-aws-ec2-metadata-token-ttl-seconds").is_some());
    let asked = receiver.received(&format!("{MACHINE}web"));
    assert_eq!((asked.len(), asked[0].header("x-aws-ec2-metadata-token")), (1, Some("session")));
}

#[test]
fn without_credentials_nothing_is_sent_and_the_reason_names_the_places_that_were_tried() {
    let receiver = Receiver::start();
    let host = receiver.url("");
    let once = json!({ "max_attempts": 1 });
    receiver.always("/latest/api/token", Answer::Status(403));
    let asked = Environment::from([("AWS_EC2_METADATA_SERVICE_ENDPOINT", &*host)]);
    let nowhere = "no AWS credentials in the config, the environment or ~/.aws";
    assert_eq!(
        result(function(&receiver, &json!({}), &once, &asked)),
        Err(format!("{nowhere}, nor from the instance's {host}: HTTP 403"))
    );
    let disabled = Environment::from([("AWS_EC2_METADATA_DISABLED", "true")]);
    assert_eq!(result(function(&receiver, &json!({}), &once, &disabled)), Err(nowhere.to_owned()));
    let uri = receiver.url("/v2/credentials/hunter2");
    receiver.always("/v2/credentials/hunter2", Answer::Status(500));
    assert_eq!(
        result(function(
            &receiver,
            &json!({}),
            &once,
            &Environment::from([("AWS_CONTAINER_CREDENTIALS_FULL_URI", &*uri)])
        )),
        Err("no AWS credentials from the container's 127.0.0.1: HTTP 500".to_owned()),
        "the path is a secret"
    );
    assert_eq!(
        result(function(&receiver, &json!({ "profile": "nobody" }), &once, &disabled)),
        Err("AWS profile \"nobody\" has no credentials".to_owned())
    );
    assert!(receiver.received(INVOKE).is_empty());
}

#[test]
fn the_proxy_is_used_for_the_function_and_not_for_metadata() {
    let receiver = Receiver::start();
    let uri = receiver.url("/credentials");
    let environment = Environment::from([("AWS_CONTAINER_CREDENTIALS_FULL_URI", &*uri)]);
    receiver.always("/credentials", credentials("AKIDPOD", 3600));
    // The receiver is the proxy too: a proxy gets the whole URL.
    let settings = json!({ "proxy": format!("http://{}", receiver.address()), "max_attempts": 1 });
    let lambda = json!({ "endpoint_url": "http://lambda.example.com:8080" });
    assert_eq!(result(function(&receiver, &lambda, &settings, &environment)), Ok(200));
    let invoked = receiver.received(&format!("http://lambda.example.com:8080{INVOKE}"));
    assert_eq!(invoked[0].header("host"), Some("lambda.example.com:8080"));
    assert_eq!((invoked.len(), receiver.received("/credentials").len()), (1, 1));
}
