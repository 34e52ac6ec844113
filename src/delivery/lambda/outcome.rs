//! The result of an invocation. Pure.

use std::time::{Duration, SystemTime};

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::delivery::attempt::AttemptResult;
use crate::delivery::aws_client::{AnswerFields, error_name, text_of};
use crate::delivery::retry::retry_after;
use crate::delivery::transport::requested_wait;
use crate::net::http1::ResponseHead;

/// Returns the result of an invocation. Of a function's return value, the parts count that API Gateway would use.
pub(super) fn result(head: &ResponseHead, returned: &AnswerFields) -> AttemptResult {
    let [status_code, headers, error_type] = returned.each_ref().map(Option::as_deref);
    let status = head.status;
    let name = |header: &str| head.header(header).map(error_name);
    if !(200..=299).contains(&status) {
        let reason = format!("HTTP {status} {}", name("x-amzn-errortype").unwrap_or_default()).trim_end().to_owned();
        return if status == 413 {
            AttemptResult::TooLarge(reason)
        } else {
            AttemptResult::Refused { reason, retry_after: requested_wait(head) }
        };
    }
    // The function was invoked and failed.
    if let Some(function_error) = name("x-amz-function-error") {
        let kind = text_of(error_type).unwrap_or_default();
        let reason = format!("function error: {function_error} {}", error_name(&kind)).trim_end().to_owned();
        return AttemptResult::Refused { reason, retry_after: None };
    }
    let written = status_code.filter(|written| written.get() != "null");
    match written.map(status_of) {
        // The function is not a handler for API Gateway, and it has not failed.
        None => AttemptResult::Status { status, retry_after: None },
        Some(Some(status)) => AttemptResult::Status { status, retry_after: headers.and_then(requested_by) },
        Some(None) => AttemptResult::Refused {
            reason: "the function returned no usable statusCode".to_owned(),
            retry_after: None,
        },
    }
}

/// Returns the wait that the headers of a return value request.
fn requested_by(headers: &RawValue) -> Option<Duration> {
    // PHP writes headers that are empty as a list.
    let headers: Map<String, Value> = serde_json::from_str(headers.get()).ok()?;
    let (_, value) = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("retry-after"))?;
    let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    retry_after(&value, SystemTime::now())
}

/// Parses a status as handlers return it: `200` or `"200"`.
fn status_of(written: &RawValue) -> Option<u16> {
    let value: Value = serde_json::from_str(written.get()).ok()?;
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    u16::try_from(number).ok().filter(|status| (100..=599).contains(status))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::aws_client::parse;
    use crate::delivery::lambda::Invoke;

    /// Returns the result of a response with this status, header and return value.
    fn result_of(status: u16, header: (&str, &str), returned: &str) -> AttemptResult {
        result(&ResponseHead::of(status, &[header]), &parse::<Invoke>(returned.as_bytes()).unwrap_or_default())
    }

    fn result_with(status: u16, returned: &str) -> AttemptResult {
        result_of(status, ("X-Other", ""), returned)
    }

    fn status(status: u16) -> AttemptResult {
        AttemptResult::Status { status, retry_after: None }
    }

    fn refused(reason: &str) -> AttemptResult {
        AttemptResult::Refused { reason: reason.to_owned(), retry_after: None }
    }

    #[test]
    fn a_function_that_returns_no_status_has_accepted_the_batch() {
        for returned in ["", "null", "true", "\"done\"", "[1]", "{}", "{\"statusCode\":null}", "{ broken"] {
            assert_eq!(result_with(200, returned), status(200), "{returned}");
        }
        assert_eq!(result_with(202, ""), status(202));
    }

    #[test]
    fn the_returned_status_decides_whatever_the_other_fields_are() {
        for others in
            [r#""headers":[]"#, r#""headers":"none""#, r#""errorType":7"#, r#""statusCode":200"#, r#""a":"\ud800""#]
        {
            let returned = format!("{{{others},\"statusCode\":503}}");
            assert_eq!(result_with(200, &returned), status(503), "{returned}");
        }
    }

    #[test]
    fn the_returned_status_decides_the_result() {
        for (returned, code) in [("204", 204), ("500", 500), ("\"410\"", 410), ("302", 302)] {
            let returned = format!("{{\"body\":\"x\",\"statusCode\":{returned}}}");
            assert_eq!(result_with(200, &returned), status(code));
        }
        for returned in ["0", "1000", "-1", "2e2.5", "true", "\"ok\"", "[200]"] {
            let returned = format!("{{\"statusCode\":{returned}}}");
            let answer = result_with(200, &returned);
            let unreadable = serde_json::from_str::<Value>(&returned).is_err();
            let expected = if unreadable { status(200) } else { refused("the function returned no usable statusCode") };
            assert_eq!(answer, expected, "{returned}");
        }
    }

    #[test]
    fn a_function_may_return_retry_after() {
        for value in ["\"7\"", "7"] {
            let returned = format!("{{\"statusCode\":503,\"headers\":{{\"retry-After\":{value}}}}}");
            let expected = AttemptResult::Status { status: 503, retry_after: Some(Duration::from_secs(7)) };
            assert_eq!(result_with(200, &returned), expected);
        }
    }

    #[test]
    fn a_function_error_is_a_failed_attempt() {
        let failed = |returned: &str| result_of(200, ("X-Amz-Function-Error", "Unhandled"), returned);
        let error = r#"{"errorMessage":"hunter2","errorType":"KeyError"}"#;
        assert_eq!(failed(error), refused("function error: Unhandled KeyError"));
        assert_eq!(failed("null"), refused("function error: Unhandled"));
        assert_eq!(failed("{\"errorType\":\"a\\nb\"}"), refused("function error: Unhandled a"));
    }

    #[test]
    fn a_refusal_by_aws_has_a_reason_and_a_wait_and_is_never_taken_for_an_answer_of_the_function() {
        let error = ("x-amzn-ErrorType", "TooManyRequestsException:http://internal.amazon.com/x");
        let head = ResponseHead::of(429, &[error, ("Retry-After", "3")]);
        let reason = "HTTP 429 TooManyRequestsException".to_owned();
        assert_eq!(
            result(&head, &parse::<Invoke>(&br#"{"statusCode":200}"#[..]).unwrap()),
            AttemptResult::Refused { reason, retry_after: Some(Duration::from_secs(3)) }
        );
        let too_large = result_of(413, ("x-amzn-ErrorType", "RequestTooLargeException"), "");
        let reason = "HTTP 413 RequestTooLargeException".to_owned();
        assert_eq!(too_large, AttemptResult::TooLarge(reason));
        assert_eq!(result_with(410, ""), refused("HTTP 410"));
        assert_eq!(result_with(500, ""), refused("HTTP 500"));
    }
}
