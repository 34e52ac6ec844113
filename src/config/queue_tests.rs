use serde_json::{Value, json};

use super::*;
use crate::config::{Config, Endpoint, Target};

fn queues() -> Value {
    json!({
        "default": "redis",
        "connections": {
            "redis": {
                "driver": "redis", "redis": "default", "prefix": "app_database_",
                "connection": { "host": "10.0.0.1", "port": "6380", "password": "hunter2", "database": "2" },
            },
            "tls": { "driver": "redis", "redis": "secure", "connection": { "host": "tls://redis", "username": "u" } },
            "cluster": {
                "driver": "redis", "redis": "many", "prefix": "p:", "connection": { "cluster": ["a:7000", "b:7000"] },
            },
            "sqs": {
                "driver": "sqs", "prefix": "https://sqs.eu-central-1.amazonaws.com/1234/", "suffix": "-live",
                "region": "eu-central-1", "key": "AKIDQUEUE", "secret": "hunter2", "token": "",
            },
            "local": {
                "driver": "sqs", "prefix": "http://localhost:4566/1234", "region": "eu-central-1",
                "endpoint": "http://aws.internal:4566",
            },
            "database": { "driver": "database" },
            "lost": { "driver": "redis", "problem": "uses the Redis connection \"x\", which is missing" },
            "broken": { "driver": "redis", "redis": "bad", "connection": { "host": "https://hunter2" } },
            "odd": { "driver": "redis", "redis": "odd", "connection": { "port": 70_000 } },
            "bare": { "driver": "sqs", "prefix": "", "region": "eu-central-1" },
            "nowhere": { "driver": "sqs", "prefix": "https://sqs/1" },
            "north": { "driver": "sqs", "prefix": "https://sqs/1", "region": "Europe!" },
        },
    })
}

fn read(endpoint: &Value) -> Result<Config, String> {
    read_in(endpoint, &Environment::default())
}

fn read_in(endpoint: &Value, environment: &Environment) -> Result<Config, String> {
    let config = json!({ "endpoints": [endpoint], "queues": queues() });
    Config::read(config, environment).map_err(|error| error.to_string())
}

fn endpoint(written: &Value) -> Endpoint {
    read(written).unwrap().endpoints.remove(0)
}

fn queue(written: &Value) -> Queue {
    let Target::Queue(queue) = endpoint(written).target else { panic!("a queue") };
    queue
}

fn redis(written: &Value) -> RedisQueue {
    let QueueServer::Redis(redis) = queue(written).server else { panic!("Redis") };
    redis
}

fn sqs(written: &Value) -> SqsQueue {
    let QueueServer::Sqs(sqs) = queue(written).server else { panic!("SQS") };
    sqs
}

fn refusal(written: &Value) -> String {
    let refusal = read(written).unwrap_err();
    assert!(!refusal.contains("hunter2"), "{refusal}");
    refusal
}

#[test]
fn a_queue_in_redis_has_the_settings_of_its_connection() {
    let found = redis(&json!({ "queue": "webhooks" }));
    assert_eq!(
        (found.key.as_str(), found.settings.as_str()),
        ("app_database_queues:webhooks", "database.redis.default")
    );
    let Connection { address, login, database, .. } = &found.connection;
    assert_eq!((address.to_string().as_str(), *database), ("10.0.0.1:6380", 2));
    assert_eq!(login.as_ref().unwrap().password.expose(), "hunter2");
    assert!(!format!("{found:?}").contains("hunter2"));
    let tls = redis(&json!({ "queue": "webhooks", "connection": "tls" }));
    assert!(matches!(tls.connection.address, Address::Tcp { tls: Some(_), .. }));
    assert_eq!(tls.key, "queues:webhooks");
}

#[test]
fn the_keys_of_a_queue_are_in_one_slot_of_a_cluster() {
    let key = |queue: &str| redis(&json!({ "queue": queue, "connection": "cluster" })).key;
    assert_eq!(key("webhooks"), "p:queues:{webhooks}");
    assert_eq!(key("{webhooks}"), "p:queues:{webhooks}");
    assert_eq!(key("{}x"), "p:queues:{{}x}");
}

#[test]
fn the_url_of_an_sqs_queue_is_that_of_laravel() {
    let url = |queue: &str| sqs(&json!({ "queue": queue, "connection": "sqs" })).url.as_str().to_owned();
    let prefix = "https://sqs.eu-central-1.amazonaws.com/1234";
    assert_eq!(url("webhooks"), format!("{prefix}/webhooks-live"));
    assert_eq!(url("webhooks-live"), format!("{prefix}/webhooks-live"));
    assert_eq!(url("webhooks.fifo"), format!("{prefix}/webhooks-live.fifo"));
    assert_eq!(url("https://sqs.us-east-1.amazonaws.com/9/other"), "https://sqs.us-east-1.amazonaws.com/9/other");
    let found = sqs(&json!({ "queue": "webhooks.fifo", "connection": "sqs" }));
    assert!(found.is_fifo());
    assert_eq!(
        (found.server().as_str(), found.region.as_str()),
        ("https://sqs.eu-central-1.amazonaws.com", "eu-central-1")
    );
    assert!(matches!(&found.credentials[..], [ChainLink::Known(AccessKeys { session_token: None, .. })]));
    assert!(!format!("{found:?}").contains("hunter2"));
    let local = sqs(&json!({ "queue": "webhooks", "connection": "local" }));
    assert_eq!((local.server().as_str(), local.is_fifo()), ("http://aws.internal:4566", false));
}

#[test]
fn only_a_target_in_aws_has_credentials() {
    let links = |written: Value| endpoint(&written).target.aws_credentials().map(<[ChainLink]>::len);
    assert_eq!(links(json!({ "queue": "a", "connection": "sqs" })), Some(1));
    assert_eq!(links(json!({ "queue": "a" })), None);
    assert_eq!(links(json!({ "url": "https://a" })), None);
    let lambda = json!({ "function_name": "f", "region": "eu-west-1", "access_key_id": "a", "secret_access_key": "b" });
    assert_eq!(links(json!({ "lambda": lambda })), Some(1));
}

#[test]
fn a_queue_is_shown_by_its_connection_and_its_name() {
    let endpoint = endpoint(&json!({ "queue": "webhooks" }));
    assert_eq!(
        (endpoint.label().as_str(), endpoint.target.configured().as_str()),
        ("queue redis:webhooks", "queue redis:webhooks")
    );
    let id = |written| self::endpoint(&written).id;
    assert_ne!(id(json!({ "queue": "webhooks" })), id(json!({ "queue": "webhooks", "connection": "tls" })));
    assert_eq!(id(json!({ "queue": "webhooks" })), id(json!({ "queue": "webhooks", "connection": "redis" })));
}

#[test]
fn one_target_is_allowed() {
    let remove = |key: &str, other: &str| {
        format!(
            "resonate-webhooks.endpoints.0.{key}: cannot be combined with resonate-webhooks.endpoints.0.{other}: remove one of them"
        )
    };
    let lambda = json!({ "function_name": "f", "region": "eu-west-1" });
    assert_eq!(refusal(&json!({ "queue": "a", "url": "https://a" })), remove("queue", "url"));
    assert_eq!(refusal(&json!({ "queue": "a", "lambda": lambda })), remove("queue", "lambda"));
    assert_eq!(
        refusal(&json!({ "url": "https://a", "connection": "redis" })),
        "resonate-webhooks.endpoints.0.connection: is the connection of a queue: remove it, or set queue"
    );
    let skipped = read(&json!({ "queue": "", "connection": "redis" })).unwrap();
    assert_eq!(skipped.warnings, ["resonate-webhooks.endpoints.0.queue is empty: this endpoint is skipped"]);
}

#[test]
fn a_connection_that_cannot_be_used_is_refused_by_its_key() {
    let with = |connection: &str| refusal(&json!({ "queue": "webhooks", "connection": connection }));
    let key = "resonate-webhooks.endpoints.0.connection: ";
    assert_eq!(
        with("database"),
        format!(
            "{key}\"database\" has the driver \"database\", which only PHP can push to: name a connection with the driver \
             redis or sqs, or use a url"
        )
    );
    assert!(
        with("radis")
            .starts_with(&format!("{key}\"radis\" is not a connection of config/queue.php, which has redis, "))
    );
    assert_eq!(with("lost"), format!("{key}\"lost\" uses the Redis connection \"x\", which is missing"));
    assert_eq!(with("broken"), "database.redis.bad.host: starts with an unknown scheme: use tcp://, tls:// or unix://");
    assert_eq!(with("odd"), "database.redis.odd.port: 70000 is out of range: must be from 1 to 65535");
    let bare = with("bare");
    assert!(
        bare.starts_with("queue.connections.bare.prefix: ")
            && bare.ends_with("set it to https://sqs.REGION.amazonaws.com/ACCOUNT"),
        "{bare}"
    );
    assert_eq!(with("nowhere"), "queue.connections.nowhere.region: is missing: set it, or AWS_DEFAULT_REGION");
    let europe = Environment::from([("AWS_DEFAULT_REGION", "Europe!")]);
    assert_eq!(
        read_in(&json!({ "queue": "q", "connection": "nowhere" }), &europe).unwrap_err(),
        "queue.connections.nowhere.region: \"Europe!\" is not an AWS region"
    );
    assert_eq!(with("north"), "queue.connections.north.region: \"Europe!\" is not an AWS region");
    assert_eq!(
        refusal(&json!({ "queue": "a\nb" })),
        "resonate-webhooks.endpoints.0.queue: contains a control character"
    );
    let none = Config::from_value(json!({ "endpoints": [{ "queue": "a", "connection": "redis" }] })).unwrap_err();
    assert!(none.to_string().ends_with("config/queue.php, which has none"), "{none}");
}

#[test]
fn a_connection_that_no_endpoint_uses_is_not_parsed() {
    assert_eq!(read(&json!({ "url": "https://a" })).unwrap().warnings, [""; 0]);
}

#[test]
fn settings_without_an_effect_on_a_queue_are_warnings() {
    let config = read(&json!({ "queue": "a", "secret": "s", "headers": { "X": "y" }, "ca_file": "/ca.pem" })).unwrap();
    let warning = |key: &str| format!("resonate-webhooks.endpoints.0.{key} has no effect on a queue");
    assert_eq!(config.warnings, ["headers", "secret", "ca_file"].map(warning));
    assert_eq!(config.endpoints[0].secret, None);
    let sqs = read(&json!({ "queue": "a", "connection": "sqs", "ca_file": "/ca.pem" })).unwrap();
    assert_eq!(sqs.warnings, [""; 0]);
}

#[test]
fn https_only_applies_to_sqs_and_not_to_redis() {
    assert!(read(&json!({ "queue": "a", "https_only": true })).is_ok());
    let problem = "is not encrypted, but https_only requires an https:// URL";
    assert_eq!(
        refusal(&json!({ "queue": "a", "connection": "local", "https_only": true })),
        format!("resonate-webhooks.endpoints.0.connection: {problem}")
    );
}

#[test]
fn a_batch_is_limited_by_the_kind_of_its_queue() {
    let limited = |connection: &str, bytes: usize| {
        let endpoint = json!({ "queue": "a", "connection": connection });
        let config = json!({ "endpoints": [endpoint], "queues": queues(), "batch_max_bytes": bytes });
        Config::read(config, &Environment::default()).unwrap()
    };
    let config = limited("sqs", 262_144);
    assert_eq!((config.endpoints[0].batching.max_bytes, config.warnings.len()), (130_048, 0));
    let config = limited("redis", 1_048_576);
    assert_eq!(
        config.warnings,
        ["resonate-webhooks.endpoints.0: batches are limited to 523264 bytes, the maximum of queue redis:a"]
    );
}
