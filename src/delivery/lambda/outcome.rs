//! The result of an invocation. Pure, except for [`read`].

use std::fmt;
use std::io::{self, Read};
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::delivery::attempt::AttemptResult;
use crate::delivery::aws_client::{AwsResponse, error_name};
use crate::delivery::retry::retry_after;
use crate::delivery::transport::requested_wait;
use crate::net::http1::ResponseHead;

/// The response of AWS.
#[derive(Debug)]
pub(super) struct InvokeReply {
    status: u16,
    /// The wait that AWS requests.
    retry_after: Option<Duration>,
    /// `x-amzn-ErrorType`: the reason that AWS did not invoke the function.
    error_type: Option<String>,
    /// `X-Amz-Function-Error`: the function was invoked and failed.
    function_error: Option<String>,
    result: Returned,
}

/// The parts of a function's return value that API Gateway would use.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Returned {
    status_code: Option<Value>,
    headers: Option<Map<String, Value>>,
    /// The type of the error, if the function failed.
    error_type: Option<Value>,
}

/// A return value that is an object. A derived `Deserialize` would also accept a list in the order of the fields.
struct Object(Returned);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;

        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object, A::Error> {
                Returned::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(ObjectVisitor)
    }
}

/// Reads the return value of a function. Anything that is not an object counts as empty.
///
/// # Errors
/// Returns an error if the body cannot be read to its end.
fn read(body: &mut impl Read) -> io::Result<Returned> {
    match serde_json::from_reader(body) {
        Err(error) if error.is_io() => Err(error.into()),
        Ok(Object(returned)) => Ok(returned),
        Err(_) => Ok(Returned::default()),
    }
}

impl AwsResponse for InvokeReply {
    fn begin(head: &ResponseHead) -> Self {
        let header = |name: &str| head.header(name).map(str::to_owned);
        Self {
            status: head.status,
            retry_after: requested_wait(head),
            error_type: header("x-amzn-errortype"),
            function_error: header("x-amz-function-error"),
            result: Returned::default(),
        }
    }

    fn read(&mut self, body: &mut impl Read) -> io::Result<()> {
        self.result = read(body)?;
        Ok(())
    }

    fn is_about_credentials(&self) -> bool {
        matches!(self.status, 401 | 403)
    }

    fn into_result(self) -> AttemptResult {
        let Self { status, retry_after, error_type, function_error, result } = self;
        if !(200..=299).contains(&status) {
            let reason = format!("HTTP {status} {}", error_name(&error_type.unwrap_or_default()));
            let reason = reason.trim_end().to_owned();
            return if status == 413 {
                AttemptResult::TooLarge { reason, answer: None }
            } else {
                AttemptResult::Refused { reason, retry_after, answer: None }
            };
        }
        if let Some(function_error) = function_error {
            let kind = result.error_type.as_ref().and_then(Value::as_str).unwrap_or_default();
            let reason = format!("function error: {} {}", error_name(&function_error), error_name(kind));
            return AttemptResult::Refused { reason: reason.trim_end().to_owned(), retry_after: None, answer: None };
        }
        match result.status_code.as_ref().map(status_of) {
            // The function is not a handler for API Gateway, and it has not failed.
            None => AttemptResult::Status { status, retry_after: None, answer: None },
            Some(Some(status)) => AttemptResult::Status { status, retry_after: result.retry_after(), answer: None },
            Some(None) => AttemptResult::Refused {
                reason: "the function returned no usable statusCode".to_owned(),
                retry_after: None,
                answer: None,
            },
        }
    }
}

impl Returned {
    fn retry_after(&self) -> Option<Duration> {
        let (_, value) = self.headers.as_ref()?.iter().find(|(name, _)| name.eq_ignore_ascii_case("retry-after"))?;
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        retry_after(&value, SystemTime::now())
    }
}

/// Parses a status as handlers return it: `200` or `"200"`.
fn status_of(value: &Value) -> Option<u16> {
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    u16::try_from(number).ok().filter(|status| (100..=599).contains(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, returned: &str) -> InvokeReply {
        let result = read(&mut returned.as_bytes()).unwrap();
        InvokeReply { status, retry_after: None, error_type: None, function_error: None, result }
    }

    fn status(status: u16) -> AttemptResult {
        AttemptResult::Status { status, retry_after: None, answer: None }
    }

    fn refused(reason: &str) -> AttemptResult {
        AttemptResult::Refused { reason: reason.to_owned(), retry_after: None, answer: None }
    }

    #[test]
    fn a_function_that_returns_no_status_has_accepted_the_batch() {
        for returned in ["", "null", "true", "\"done\"", "[1]", "{}", "{\"statusCode\":null}", "{ broken"] {
            assert_eq!(reply(200, returned).into_result(), status(200), "{returned}");
        }
        assert_eq!(reply(202, "").into_result(), status(202));
    }

    #[test]
    fn the_returned_status_decides_the_result() {
        for (returned, code) in [("204", 204), ("500", 500), ("\"410\"", 410), ("302", 302)] {
            let returned = format!("{{\"body\":\"x\",\"statusCode\":{returned}}}");
            assert_eq!(reply(200, &returned).into_result(), status(code));
        }
        for returned in ["0", "1000", "-1", "2e2.5", "true", "\"ok\"", "[200]"] {
            let returned = format!("{{\"statusCode\":{returned}}}");
            let answer = reply(200, &returned).into_result();
            let unreadable = serde_json::from_str::<Value>(&returned).is_err();
            let expected = if unreadable { status(200) } else { refused("the function returned no usable statusCode") };
            assert_eq!(answer, expected, "{returned}");
        }
    }

    #[test]
    fn a_function_may_return_retry_after() {
        for value in ["\"7\"", "7"] {
            let returned = format!("{{\"statusCode\":503,\"headers\":{{\"retry-After\":{value}}}}}");
            let expected =
                AttemptResult::Status { status: 503, retry_after: Some(Duration::from_secs(7)), answer: None };
            assert_eq!(reply(200, &returned).into_result(), expected);
        }
    }

    #[test]
    fn a_function_error_is_a_failed_attempt() {
        let failed = |kind: &str| InvokeReply { function_error: Some("Unhandled".to_owned()), ..reply(200, kind) };
        let error = r#"{"errorMessage":"hunter2","errorType":"KeyError"}"#;
        assert_eq!(failed(error).into_result(), refused("function error: Unhandled KeyError"));
        assert_eq!(failed("null").into_result(), refused("function error: Unhandled"));
        assert_eq!(failed("{\"errorType\":\"a\\nb\"}").into_result(), refused("function error: Unhandled a"));
    }

    #[test]
    fn a_refusal_by_aws_has_a_reason_and_a_wait_and_is_never_taken_for_an_answer_of_the_function() {
        let throttled = InvokeReply {
            error_type: Some("TooManyRequestsException:http://internal.amazon.com/x".to_owned()),
            retry_after: Some(Duration::from_secs(3)),
            ..reply(429, "{\"statusCode\":200}")
        };
        let reason = "HTTP 429 TooManyRequestsException".to_owned();
        assert_eq!(
            throttled.into_result(),
            AttemptResult::Refused { reason, retry_after: Some(Duration::from_secs(3)), answer: None }
        );
        let too_large = InvokeReply { error_type: Some("RequestTooLargeException".to_owned()), ..reply(413, "") };
        let reason = "HTTP 413 RequestTooLargeException".to_owned();
        assert_eq!(too_large.into_result(), AttemptResult::TooLarge { reason, answer: None });
        assert_eq!(reply(410, "").into_result(), refused("HTTP 410"));
        assert_eq!(reply(500, "").into_result(), refused("HTTP 500"));
    }
}
