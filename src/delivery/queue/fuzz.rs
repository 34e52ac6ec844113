//! Fuzzes the answers of SQS.

use serde_json::Value;

use super::sqs::SqsSend;
use super::*;
use crate::delivery::aws_client::{AwsOperation, parse};
use crate::fuzz::fuzz;
use crate::net::http1::ResponseHead;

#[test]
fn only_a_2xx_is_a_success_and_a_message_that_is_too_long_is_recognised() {
    fuzz("sqs_answer", 3_000, |input| {
        let Some((head, body)) = ResponseHead::split(input) else { return };
        let written: Value = match serde_json::from_slice(body) {
            // A string may be none for this parser, and still no reason to ignore the rest.
            Err(_) if body.trim_ascii_start().starts_with(b"{") => return,
            written => written.unwrap_or_default(),
        };
        let is_long = ["message", "Message"].iter().any(|key| {
            written.get(key).and_then(Value::as_str).is_some_and(|message| message.contains("must be shorter than"))
        });
        let is_success = (200..=299).contains(&head.status);
        match SqsSend::result(&head, &parse::<SqsSend>(body).unwrap_or_default()) {
            AttemptResult::Status { .. } => assert!(is_success),
            AttemptResult::TooLarge(_) => assert!(!is_success && (head.status == 413 || is_long)),
            AttemptResult::Refused { reason, .. } => {
                assert!(!is_success && head.status != 413 && !is_long, "{reason}");
                let kind = written.get("__type").and_then(Value::as_str).unwrap_or_default();
                let name = kind.rsplit('#').next().unwrap_or_default();
                let begun = reason.strip_prefix(&format!("HTTP {}", head.status)).expect("the status comes first");
                assert!(name.starts_with(begun.trim_start()), "{reason} for {kind}");
                let letters = name.bytes().take_while(u8::is_ascii_alphanumeric).take(100).count();
                assert!(begun.trim_start().len() >= letters, "{reason} for {kind}");
            }
            other => panic!("{other:?}"),
        }
    });
}
