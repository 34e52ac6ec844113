//! A job as Laravel encodes it: `Illuminate\Queue\Queue::createStringPayload`, with what the queues of Redis and SQS add.

use rand::RngExt;
use rand::distr::Alphanumeric;
use serde_json::json;

use crate::cluster::system_ms;
use crate::delivery::signature::SignedRequest;

/// The class that handles the job, and its method.
const JOB: &str = r"Webpatser\ResonateWebhooks\Receiving\HandleWebhookJob@handle";

/// The length of `id`, a random text.
const ID_LENGTH: usize = 32;

/// The queues whose jobs differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Redis,
    Sqs,
}

/// Encodes the job for an attempt. Its fields are in Laravel's order. Its own ids differ between attempts, because Laravel's
/// table of failed jobs needs a new `uuid` for every push; the id of the webhook stays.
pub(super) fn encode(request: &SignedRequest<'_>, kind: Kind) -> String {
    let mut job = json!({
        "uuid": uuid(rand::random()),
        "displayName": JOB.split('@').next(),
        "job": JOB,
        "maxTries": null,
        "maxExceptions": null,
        "failOnTimeout": false,
        "backoff": null,
        "timeout": null,
        "data": {
            "webhook_id": request.id,
            "app_key": request.key,
            // The encoder of bodies writes only UTF-8.
            "body": str::from_utf8(request.body).unwrap_or_default(),
        },
        "createdAt": system_ms() / 1000,
    });
    if kind == Kind::Redis {
        // Redis keeps no id and no count of its own.
        let id: String = rand::rng().sample_iter(Alphanumeric).take(ID_LENGTH).map(char::from).collect();
        job["id"] = json!(id);
        job["attempts"] = json!(0);
    }
    job["delay"] = json!(null);
    let json = job.to_string();
    // SQS accepts the characters of XML only, which these two are not. A client may send them.
    if kind == Kind::Sqs {
        return json.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff");
    }
    json
}

/// Formats random bits as a UUID of version 4 (RFC 9562, section 5.4).
fn uuid(random: u128) -> String {
    let bits = (random & !(0xf << 76) & !(0b11 << 62)) | (4 << 76) | (0b10 << 62);
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::config::{RedisQueue, SqsQueue};

    fn decoded(body: &str, kind: Kind) -> Value {
        serde_json::from_str(&encode(&SignedRequest::of_body(body.as_bytes()), kind)).unwrap()
    }

    #[test]
    fn a_uuid_has_its_version_and_its_variant() {
        assert_eq!(uuid(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    #[test]
    fn the_job_has_the_webhook_and_the_key_of_its_application() {
        let body = "{\"data\":\"\\\"é\\u0000\u{2028}/\\\\\"}";
        let job = decoded(body, Kind::Sqs);
        assert_eq!(job["data"], json!({ "webhook_id": "msg_1", "app_key": "key", "body": body }));
        assert_eq!(job["displayName"], json!(r"Webpatser\ResonateWebhooks\Receiving\HandleWebhookJob"));
    }

    #[test]
    fn a_job_has_the_second_in_which_it_was_made() {
        let seconds = || system_ms() / 1000;
        let before = seconds();
        let made = decoded("{}", Kind::Redis)["createdAt"].as_u64().unwrap();
        assert!((before..=seconds()).contains(&made), "{made}");
    }

    #[test]
    fn every_push_is_a_job_of_its_own() {
        let (first, second) = (decoded("{}", Kind::Redis), decoded("{}", Kind::Redis));
        for name in ["uuid", "id"] {
            assert_ne!(first[name], second[name]);
        }
        assert_eq!(first["id"].as_str().unwrap().len(), ID_LENGTH);
        assert_eq!(first["data"], second["data"]);
    }

    #[test]
    fn the_payload_has_no_character_that_sqs_refuses() {
        let body = "{\"data\":\"\u{fffe}\u{ffff}\u{1f600}\\\\\u{fffe}\"}";
        let text = encode(&SignedRequest::of_body(body.as_bytes()), Kind::Sqs);
        let is_of_xml = |c: char| matches!(c, '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        assert!(text.chars().all(is_of_xml), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["data"]["body"], json!(body));
    }

    #[test]
    fn a_body_within_the_limit_gives_a_job_that_the_queue_accepts() {
        for (kind, most, body) in
            [(Kind::Redis, 1_048_576, RedisQueue::MAX_BODY_BYTES), (Kind::Sqs, 262_144, SqsQueue::MAX_BODY_BYTES)]
        {
            let length = encode(&SignedRequest::of_body("\"".repeat(body).as_bytes()), kind).len();
            assert!((most - 4096..=most).contains(&length), "{length}");
        }
    }
}
