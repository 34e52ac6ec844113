use serde_json::{Value, json};

use super::*;
use crate::config::{Config, Endpoint, Target};

const ENVIRONMENT: [(&str, &str); 3] =
    [("AWS_REGION", "eu-west-1"), ("AWS_ACCESS_KEY_ID", "AKIDENV"), ("AWS_SECRET_ACCESS_KEY", "hunter2")];

fn read(endpoint: &Value, environment: &Environment) -> Result<Config, String> {
    Config::read(json!({ "endpoints": [endpoint] }), environment).map_err(|error| error.to_string())
}

fn endpoint(lambda: &Value) -> Endpoint {
    read(&json!({ "lambda": lambda }), &Environment::from(ENVIRONMENT)).unwrap().endpoints.remove(0)
}

fn lambda(written: &Value) -> Lambda {
    let Target::Lambda(lambda) = endpoint(written).target else { panic!("a function") };
    lambda
}

/// The error message without the common part of the key.
fn problem(lambda: &Value) -> String {
    let error = read(&json!({ "lambda": lambda }), &Environment::from(ENVIRONMENT)).unwrap_err();
    error.strip_prefix("resonate-webhooks.endpoints.0.lambda.").map(str::to_owned).unwrap_or(error)
}

fn of_config() -> ChainLink {
    ChainLink::Known(AccessKeys {
        access_key_id: Secret::new("AKIDCONFIG"),
        secret_access_key: Secret::new("hunter3"),
        session_token: None,
    })
}

#[test]
fn a_name_alone_takes_region_and_credentials_from_the_environment() {
    let lambda = lambda(&json!({ "function_name": "hooks" }));
    assert_eq!((&*lambda.function, &*lambda.region, &lambda.qualifier), ("hooks", "eu-west-1", &None));
    assert_eq!(lambda.invocation, Invocation::RequestResponse);
    let [ChainLink::Known(keys)] = &lambda.credentials[..] else { panic!("{:?}", lambda.credentials) };
    assert_eq!(keys.access_key_id.expose(), "AKIDENV");
    assert_eq!(lambda.to_string(), "lambda:eu-west-1:hooks");
}

#[test]
fn a_web_identity_is_reported_as_unsupported_with_a_remedy() {
    let irsa = ("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/secrets/eks.amazonaws.com/serviceaccount/token");
    let endpoint = json!({ "lambda": { "function_name": "hooks" } });
    let config = read(&endpoint, &Environment::from([ENVIRONMENT[0], irsa])).unwrap();
    let [warning] = &config.warnings[..] else { panic!("{:?}", config.warnings) };
    assert!(
        warning.starts_with("resonate-webhooks.endpoints.0.lambda has no AWS credentials: AWS_WEB_IDENTITY_TOKEN_FILE")
    );
    assert!(warning.contains("(IRSA), which is not supported: use EKS Pod Identity"), "{warning}");
    let Target::Lambda(lambda) = &config.endpoints[0].target else { panic!("a function") };
    let refused = crate::aws::Provider::new(lambda.credentials.clone()).keys(std::time::Duration::ZERO).unwrap_err();
    assert!(refused.contains("use EKS Pod Identity"), "{refused}");
    let [region, id, secret] = ENVIRONMENT;
    assert_eq!(read(&endpoint, &Environment::from([region, id, secret, irsa])).unwrap().warnings, Vec::<String>::new());
}

#[test]
fn an_arn_sets_the_region_and_may_set_the_qualifier() {
    for (written, function, shown) in [
        ("hooks:prod", "hooks", "lambda:eu-west-1:hooks:prod"),
        ("hooks:$LATEST", "hooks", "lambda:eu-west-1:hooks:$LATEST"),
        ("123456789012:function:hooks", "123456789012:function:hooks", "lambda:eu-west-1:hooks"),
        (
            "arn:aws-cn:lambda:cn-north-1:123456789012:function:hooks:7",
            "arn:aws-cn:lambda:cn-north-1:123456789012:function:hooks",
            "lambda:cn-north-1:hooks:7",
        ),
    ] {
        let lambda = lambda(&json!({ "function_name": written }));
        assert_eq!((&*lambda.function, &*lambda.to_string()), (function, shown));
    }
}

#[test]
fn a_region_and_a_qualifier_may_be_written_twice() {
    let arn = "arn:aws:lambda:us-east-1:123456789012:function:hooks:7";
    let lambda = lambda(&json!({ "function_name": arn, "region": "us-east-1", "qualifier": "7" }));
    assert_eq!(lambda.to_string(), "lambda:us-east-1:hooks:7");
}

#[test]
fn every_key_is_read() {
    let lambda = lambda(&json!({
        "function_name": "hooks", "region": "us-gov-west-1", "qualifier": "prod", "invocation_type": "Event",
        "endpoint_url": "http://localhost:4566", "access_key_id": "AKIDCONFIG", "secret_access_key": "hunter3",
        "session_token": "",
    }));
    assert_eq!((&*lambda.region, lambda.invocation), ("us-gov-west-1", Invocation::Event));
    assert_eq!(lambda.service.map(|url| url.to_string()).as_deref(), Some("http://localhost:4566"));
    assert_eq!(lambda.credentials, [of_config()]);
    assert!(lambda.invocation == Invocation::Event && lambda.qualifier.as_deref() == Some("prod"));
}

#[test]
fn invalid_settings_are_refused_with_their_key() {
    let arn = "arn:aws:lambda:us-east-1:123456789012:function:hooks:7";
    for (written, expected) in [
        (json!({ "function_name": "a/b" }), "function_name: \"a/b\" is neither the name nor the ARN of a function"),
        (json!({ "function_name": "a:b:c" }), "function_name: \"a:b:c\" is neither the name nor the ARN of a function"),
        (
            json!({ "function_name": "a", "region": "x.example.com/" }),
            "region: \"x.example.com/\" is not an AWS region",
        ),
        (
            json!({ "function_name": arn, "region": "eu-west-1" }),
            "region: differs from the region in the ARN: remove it",
        ),
        (
            json!({ "function_name": arn, "qualifier": "8" }),
            "qualifier: differs from the one in function_name: remove one of them",
        ),
        (json!({ "function_name": "a", "qualifier": "a b" }), "qualifier: \"a b\" is neither a version nor an alias"),
        (
            json!({ "function_name": "a", "invocation_type": "DryRun" }),
            "invocation_type: \"DryRun\" is neither \"RequestResponse\" nor \"Event\"",
        ),
        (json!({ "access_key_id": "a" }), "secret_access_key: is required with access_key_id"),
        (json!({ "secret_access_key": "a" }), "access_key_id: is required with secret_access_key"),
        (json!({ "session_token": "a" }), "access_key_id: is required with session_token"),
        (
            json!({ "function_name": "a", "access_key_id": "a", "secret_access_key": "b", "profile": "c" }),
            "profile: cannot be combined with access_key_id: remove one of them",
        ),
        (
            json!({ "function_name": "a", "endpoint_url": "https://me:hunter2@localhost" }),
            "endpoint_url: must contain only a scheme, a host and a port",
        ),
        (
            json!({ "function_name": "a", "endpoint_url": "https://localhost/?a=b" }),
            "endpoint_url: must contain only a scheme, a host and a port",
        ),
        (
            json!({ "function_name": "a", "endpoint_url": "https://localhost/x" }),
            "endpoint_url: must contain only a scheme, a host and a port",
        ),
        (json!({ "function_nane": "a" }), "function_nane: unknown key, did you mean \"function_name\"?"),
        (
            json!({ "function_name": "a", "secret_access_key": ["hunter2"] }),
            "secret_access_key: expected a string, found a list",
        ),
    ] {
        assert_eq!(problem(&written), expected);
    }
}

#[test]
fn a_function_has_a_name_of_up_to_140_characters_and_an_account_12_digits() {
    let longest = "a".repeat(140);
    assert_eq!(lambda(&json!({ "function_name": longest })).function, longest);
    let too_long = "a".repeat(141);
    for refused in [
        &*too_long,
        ":prod",
        "arn:other:lambda:us-east-1:123456789012:function:a",
        "arn:aws:lambda:us-east-1:1:function:a",
        "12345678901:function:a",
        "12345678901x:function:a",
    ] {
        let expected = format!("function_name: {refused:?} is neither the name nor the ARN of a function");
        assert_eq!(problem(&json!({ "function_name": refused })), expected);
    }
}

#[test]
fn an_endpoint_cannot_have_both_a_url_and_a_function() {
    let both = json!({ "url": "https://localhost", "lambda": { "function_name": "hooks" } });
    assert_eq!(
        read(&both, &Environment::from(ENVIRONMENT)).unwrap_err(),
        "resonate-webhooks.endpoints.0.lambda: cannot be combined with resonate-webhooks.endpoints.0.url: remove one of \
         them"
    );
}

#[test]
fn a_function_without_a_name_is_skipped_with_a_warning() {
    let config = read(&json!({ "url": null, "lambda": { "function_name": "" } }), &Environment::default()).unwrap();
    assert!(config.endpoints.is_empty());
    let warning = "resonate-webhooks.endpoints.0.lambda.function_name is empty: this endpoint is skipped";
    assert_eq!(config.warnings, [warning]);
}

#[test]
fn a_missing_region_is_an_error() {
    let error = read(&json!({ "lambda": { "function_name": "a" } }), &Environment::default()).unwrap_err();
    let start = "resonate-webhooks.endpoints.0.lambda.region: is missing: set it, ";
    assert!(error.starts_with(start), "{error}");
}

#[test]
fn an_unencrypted_service_is_refused_with_https_only() {
    let written = json!({
        "https_only": true, "lambda": { "function_name": "hooks", "endpoint_url": "http://localhost:4566" },
    });
    assert_eq!(
        read(&written, &Environment::from(ENVIRONMENT)).unwrap_err(),
        "resonate-webhooks.endpoints.0.lambda.endpoint_url: is not encrypted, but https_only requires an https:// URL"
    );
    let own = json!({ "https_only": true, "lambda": { "function_name": "hooks" } });
    assert!(read(&own, &Environment::from(ENVIRONMENT)).is_ok());
}

#[test]
fn the_id_depends_on_function_region_and_qualifier_only() {
    let id = |written: &Value| endpoint(written).id;
    let plain = id(&json!({ "function_name": "hooks" }));
    assert_eq!(plain, id(&json!({ "function_name": "hooks", "region": "eu-west-1", "invocation_type": "Event" })));
    for other in [
        json!({ "function_name": "other" }),
        json!({ "function_name": "hooks", "region": "eu-west-2" }),
        json!({ "function_name": "hooks", "qualifier": "prod" }),
    ] {
        assert_ne!(plain, id(&other));
    }
}

#[test]
fn a_batch_limit_above_that_of_lambda_is_a_warning() {
    let with = |batch_max_bytes: usize, kind: &str| {
        let lambda = json!({ "function_name": "a", "invocation_type": kind });
        let config = json!({ "batch_max_bytes": batch_max_bytes, "endpoints": [{ "lambda": lambda }] });
        Config::read(config, &Environment::from(ENVIRONMENT)).unwrap().warnings
    };
    assert_eq!(with(262_144, "Event"), [""; 0]);
    assert_eq!(with(491_808, "Event"), [""; 0]);
    assert_eq!(with(2_000_000, "RequestResponse"), [""; 0]);
    let warning =
        "resonate-webhooks.endpoints.0: batches are limited to 491808 bytes, the maximum of lambda:eu-west-1:a";
    assert_eq!(with(2_000_000, "Event"), [warning]);
}

#[test]
fn credentials_are_never_printed() {
    let printed = format!("{:?} {:?}", endpoint(&json!({ "function_name": "a" })), Environment::from(ENVIRONMENT));
    assert!(!printed.contains("hunter") && !printed.contains("AKID"), "{printed}");
}
