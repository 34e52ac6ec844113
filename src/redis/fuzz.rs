//! Fuzzes replies of Redis and of what may answer in its place.

use std::time::Duration;

use redis::{Value, parse_redis_value};

use super::server::{Server, judge_role};
use super::slots::{includes, server_at};
use super::*;
use crate::fuzz::fuzz;

/// Checks that the text of an error is one line of limited length.
fn check_error(error: &LinkError) {
    let text = error.to_string();
    assert!(!text.contains(char::is_control) && text.chars().count() < 1_000, "{text:?}");
    let _ = (error.spares_connection(), error.needs_setup(), error.fault(), error.right());
}

/// Checks the servers that a reply to `CLUSTER SLOTS` names.
fn check_slots(reply: &Value) {
    let Value::Array(ranges) = reply else { return };
    for range in ranges.iter().filter_map(|range| if let Value::Array(range) = range { Some(range) } else { None }) {
        if includes(range, 7) {
            assert!(matches!(range[..2], [Value::Int(first), Value::Int(last)] if first <= 7 && last >= 7));
        }
        for (host, _) in range.iter().skip(2).filter_map(|entry| server_at(entry, &("asked".to_owned(), 6379))) {
            assert!(!host.is_empty() && host != "?");
        }
    }
}

#[test]
fn a_reply_of_any_shape_is_understood_or_named_in_one_line() {
    let timeout = Duration::from_secs(5);
    fuzz("redis_reply", 5_000, |input| {
        let text = String::from_utf8_lossy(input);
        check_error(&LinkError::of_reply(&text));
        let foreign = ForeignKey::suspending(input).to_string();
        assert!(foreign.is_ascii() || !foreign.contains(char::is_control), "{foreign:?}");
        for in_cluster in [false, true] {
            let server = Server { info: Some(text.clone().into_owned()), role: judge_role(&text), scripts: Ok(()) };
            if let Err(unfit) = server.judge(in_cluster) {
                check_error(&LinkError::Unfit(unfit));
            }
        }
        match parse_redis_value(input).and_then(Value::extract_error) {
            Ok(reply) => check_slots(&reply),
            Err(error) => check_error(&LinkError::sort(&error, timeout)),
        }
    });
}
