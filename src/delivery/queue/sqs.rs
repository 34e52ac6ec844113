//! Sends jobs to a queue of Amazon SQS, as `Illuminate\Queue\SqsQueue` does, with `SendMessage` of the JSON protocol.
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>

use std::sync::Arc;

use base16ct::lower;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::QUEUED;
use super::payload::{Kind, encode};
use crate::aws::Provider;
use crate::config::{ConfigError, Endpoint, EndpointId, SqsQueue};
use crate::delivery::attempt::AttemptResult;
use crate::delivery::aws_client::{AnswerFields, AwsAddress, AwsClient, AwsOperation, error_name, text_of};
use crate::delivery::signature::SignedRequest;
use crate::delivery::transport::{Common, requested_wait};
use crate::net::http1::ResponseHead;

/// The longest id of a message group.
const MAX_GROUP: usize = 128;

/// The errors of wrong or expired credentials that have the status 400.
const ABOUT_CREDENTIALS: [&str; 4] =
    ["ExpiredTokenException", "UnrecognizedClientException", "InvalidClientTokenId", "IncompleteSignature"];

/// Sends messages to one queue.
pub(in crate::delivery) struct SqsSend {
    queue_url: String,
    is_fifo: bool,
    endpoint: EndpointId,
}

/// Creates a client for `endpoint`, whose target is `queue`.
///
/// # Errors
/// Returns an error that names the config key if the URL or the proxy is invalid.
pub(in crate::delivery) fn client(
    endpoint: &Endpoint,
    queue: &SqsQueue,
    common: Common,
    provider: Arc<Provider>,
) -> Result<AwsClient<SqsSend>, ConfigError> {
    let (service, server, path) = ("sqs", queue.server(), "/".to_owned());
    let address = AwsAddress { service, region: queue.region.clone(), server, path, query: None };
    let send =
        SqsSend { queue_url: queue.url.as_str().to_owned(), is_fifo: queue.is_fifo(), endpoint: endpoint.id.clone() };
    AwsClient::new(endpoint, "queue", send, address, common, provider)
}

impl AwsOperation for SqsSend {
    /// An error has its text in `message`, `Message` or both.
    const FIELDS: [&'static str; 3] = ["__type", "message", "Message"];

    fn headers(&self) -> [(&'static str, &'static str); 2] {
        [("Content-Type", "application/x-amz-json-1.0"), ("X-Amz-Target", "AmazonSQS.SendMessage")]
    }

    fn encode(&self, request: &SignedRequest<'_>) -> Vec<u8> {
        let mut message = json!({ "QueueUrl": self.queue_url, "MessageBody": encode(request, Kind::Sqs) });
        if self.is_fifo {
            message["MessageGroupId"] = json!(group(&self.endpoint, &request.key));
            message["MessageDeduplicationId"] = json!(request.id);
        }
        message.to_string().into_bytes()
    }

    fn is_about_credentials(error: &AnswerFields) -> bool {
        ABOUT_CREDENTIALS.contains(&name(error).as_str())
    }

    fn result(head: &ResponseHead, error: &AnswerFields) -> AttemptResult {
        let status = head.status;
        if (200..=299).contains(&status) {
            return QUEUED;
        }
        let reason = format!("HTTP {status} {}", name(error)).trim_end().to_owned();
        // SQS has no code of its own for this.
        let mut messages = error[1..].iter().filter_map(|message| text_of(message.as_deref()));
        let is_long = messages.any(|message| message.contains("must be shorter than"));
        if status == 413 || is_long {
            return AttemptResult::TooLarge(reason);
        }
        AttemptResult::Refused { reason, retry_after: requested_wait(head) }
    }
}

/// Returns the name in the field `__type` without its namespace, such as `com.amazonaws.sqs#`.
fn name([kind, ..]: &AnswerFields) -> String {
    error_name(text_of(kind.as_deref()).unwrap_or_default().rsplit('#').next().unwrap_or_default())
}

/// Returns the message group of a lane: the endpoint, and the application by its key. SQS accepts 128 printable ASCII
/// characters, so other names are hashed.
fn group(endpoint: &EndpointId, app_key: &str) -> String {
    let group = format!("{endpoint}:{app_key}");
    if group.len() <= MAX_GROUP && group.bytes().all(|byte| byte.is_ascii_graphic()) {
        group
    } else {
        lower::encode_string(&Sha256::digest(group))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::delivery::aws_client::parse;

    fn result(status: u16, body: &str) -> AttemptResult {
        SqsSend::result(&ResponseHead::of(status, &[]), &parse::<SqsSend>(body.as_bytes()).unwrap())
    }

    #[test]
    fn an_error_of_sqs_is_named_and_never_taken_for_an_answer_of_the_receiver() {
        let refused = |reason: &str| AttemptResult::Refused { reason: reason.to_owned(), retry_after: None };
        let missing = r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"hunter2"}"#;
        assert_eq!(result(400, missing), refused("HTTP 400 QueueDoesNotExist"));
        assert_eq!(result(410, "{}"), refused("HTTP 410"));
        assert_eq!(result(200, r#"{"MessageId":"1"}"#), QUEUED);
    }

    fn sending_to(queue_url: &str, is_fifo: bool) -> SqsSend {
        SqsSend { queue_url: queue_url.to_owned(), is_fifo, endpoint: EndpointId::new("billing") }
    }

    /// Returns the request that pushes a job, and the job.
    fn request(send: &SqsSend) -> (Value, Value) {
        let request: Value = serde_json::from_slice(&send.encode(&SignedRequest::of_body(b"{}"))).unwrap();
        let job = serde_json::from_str(request["MessageBody"].as_str().unwrap()).unwrap();
        (request, job)
    }

    #[test]
    fn a_message_has_the_job_and_only_on_a_fifo_queue_a_group() {
        let (message, job) = request(&sending_to("https://sqs/1/hooks.fifo", true));
        assert_eq!(job["data"]["body"], "{}");
        assert_eq!(message["QueueUrl"], "https://sqs/1/hooks.fifo");
        assert_eq!(message["MessageGroupId"], "billing:key");
        assert_eq!(message["MessageDeduplicationId"], "msg_1");
        let (message, _) = request(&sending_to("https://sqs/1/hooks", false));
        let keys: Vec<&String> = message.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["QueueUrl", "MessageBody"]);
    }

    #[test]
    fn the_headers_name_the_operation() {
        let expected = [("Content-Type", "application/x-amz-json-1.0"), ("X-Amz-Target", "AmazonSQS.SendMessage")];
        assert_eq!(sending_to("", false).headers(), expected);
    }

    #[test]
    fn expired_credentials_are_recognised_by_the_name_of_the_error() {
        let is_about_credentials = |kind: &str| {
            let body = format!("{{\"__type\":\"com.amazon.coral.service#{kind}\"}}");
            SqsSend::is_about_credentials(&parse::<SqsSend>(body.as_bytes()).unwrap())
        };
        assert!(is_about_credentials("ExpiredTokenException"));
        assert!(!is_about_credentials("OverLimit"));
    }

    #[test]
    fn an_error_with_a_field_of_another_protocol_is_read() {
        let both = r#"{"__type":"com.amazonaws.sqs#OverLimit","message":"a","Message":"a"}"#;
        let null = r#"{"__type":"com.amazonaws.sqs#OverLimit","message":null,"Message":"a"}"#;
        for body in [both, null] {
            let result = result(400, body);
            assert!(
                matches!(result, AttemptResult::Refused { reason, .. } if reason == "HTTP 400 OverLimit"),
                "{body}"
            );
        }
    }

    #[test]
    fn a_message_that_is_too_long_is_recognised() {
        let long = r#"{"__type":"com.amazonaws.sqs#InvalidParameterValueException","message":"One or more parameters are
            invalid. Reason: Message must be shorter than 262144 bytes."}"#;
        let reason = "HTTP 400 InvalidParameterValueException".to_owned();
        assert_eq!(result(400, &long.replace('\n', "")), AttemptResult::TooLarge(reason));
    }

    #[test]
    fn a_lane_is_a_message_group_whatever_its_name() {
        assert_eq!(group(&EndpointId::new("billing"), "key-1"), "billing:key-1");
        for (endpoint, key) in [("a b", "key"), ("é", "key"), ("a", &*"k".repeat(200))] {
            let group = group(&EndpointId::new(endpoint), key);
            assert!(group.len() == 64 && group.bytes().all(|byte| byte.is_ascii_hexdigit()), "{group}");
        }
    }
}
