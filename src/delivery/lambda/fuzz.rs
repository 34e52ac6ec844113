//! Fuzzes the answers of Lambda and of the functions.

use serde_json::Value;

use super::*;
use crate::delivery::aws_client::parse;
use crate::fuzz::fuzz;

/// Returns the status that a function has returned: `None` if it returned none, an error if it is unusable.
fn returned(body: &Value) -> Option<Result<u16, ()>> {
    let status = body.as_object()?.get("statusCode").filter(|status| !status.is_null())?;
    let number = status.as_u64().or_else(|| status.as_str()?.parse().ok());
    let number = number.filter(|status| (100..=599).contains(status)).ok_or(());
    Some(number.and_then(|status| u16::try_from(status).map_err(|_| ())))
}

#[test]
fn the_status_of_a_function_decides_whatever_else_it_returns() {
    fuzz("lambda_answer", 3_000, |input| {
        let Some((head, body)) = ResponseHead::split(input) else { return };
        let expected = match serde_json::from_slice(body) {
            Ok(body) => returned(&body),
            // A string may be none for this parser, and still no reason to ignore the rest.
            Err(_) if body.trim_ascii_start().starts_with(b"{") => return,
            Err(_) => None,
        };
        let has_failed = head.header("x-amz-function-error").is_some();
        match Invoke::result(&head, &parse::<Invoke>(body).unwrap_or_default()) {
            AttemptResult::Status { status, .. } => {
                let status_of_aws = expected.is_none().then_some(head.status);
                assert_eq!(Some(status), expected.and_then(Result::ok).or(status_of_aws));
                assert!(!has_failed && (200..=299).contains(&head.status));
            }
            AttemptResult::TooLarge(reason) => assert!(head.status == 413 && is_one_line(&reason), "{reason:?}"),
            AttemptResult::Refused { reason, .. } => {
                let is_unusable = expected == Some(Err(()));
                assert!(is_unusable || has_failed || !(200..=299).contains(&head.status), "{reason}");
                assert!(is_one_line(&reason), "{reason:?}");
            }
            other => panic!("{other:?}"),
        }
    });
}

fn is_one_line(reason: &str) -> bool {
    reason.len() < 250 && !reason.contains(char::is_control)
}
