//! Fuzzes what is kept of the answers of receivers: `Retry-After`, and the beginning of the body.

use std::io::{Read, copy, sink};
use std::time::SystemTime;

use time::PrimitiveDateTime;
use time::macros::format_description;

use super::answer::{KeepFirst, Reply};
use super::attempt::AttemptResult;
use super::lanes::tests::endpoint;
use super::retry::{RetryDecision, retry_after};
use super::*;
use crate::fuzz::fuzz;
use crate::secret::{REDACTED, Redaction};

/// Reads `Retry-After` independently of the code under test. An error if it may be anything.
fn requested(value: &str, now: SystemTime) -> Result<Option<Duration>, ()> {
    let value = value.trim();
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        let seconds = value
            .bytes()
            .fold(0_u64, |seconds, digit| seconds.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
        return Ok((!value.is_empty()).then(|| Duration::from_secs(seconds)));
    }
    let fixed =
        format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
    let date = PrimitiveDateTime::parse(value, fixed).ok().filter(|date| date.year() >= 1970).ok_or(())?;
    // The day of the week must be right.
    date.format(fixed).ok().filter(|written| written == value).ok_or(())?;
    Ok(Some(SystemTime::from(date.assume_utc()).duration_since(now).unwrap_or_default()))
}

#[test]
fn a_requested_wait_is_a_number_of_seconds_or_a_date_and_is_bounded() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    fuzz("retry_after", 5_000, |input| {
        let value = String::from_utf8_lossy(input);
        let wait = retry_after(&value, now);
        if let Ok(expected) = requested(&value, now) {
            assert_eq!(wait, expected, "{value:?}");
        }
        let max = Duration::from_secs(300);
        let policy = Endpoint { max_attempts: u32::MAX, ..endpoint(0) };
        let result = AttemptResult::Status { status: 503, retry_after: wait };
        let RetryDecision::Retry { after } = policy.decide(result, 1, Duration::ZERO, 1.0) else { panic!("{value:?}") };
        let least = wait.unwrap_or_default().min(max).max(Duration::from_secs(2));
        assert!((least..=max.mul_f64(1.1)).contains(&after), "{after:?} for {value:?}");
    });
}

#[test]
fn an_answer_is_kept_as_one_short_line_without_secrets() {
    fuzz("answer_excerpt", 3_000, |input| {
        let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
        let secret = String::from_utf8_lossy(&input[..end]).into_owned();
        let answer = &input[(end + 1).min(input.len())..];
        let mut secrets = Redaction::default();
        secrets.add(&secret);
        for most in [0, 7, 512] {
            let mut kept = KeepFirst::new(answer, most);
            copy(&mut Read::by_ref(&mut kept), &mut sink()).unwrap();
            let reply = Reply::new(AttemptResult::Failed("HTTP 500".to_owned()), kept, || secrets.clone());
            let Some(raw) = reply.answer else { continue };
            let text = raw.text(std::iter::empty());
            assert!(text.len() <= most.max("[binary]".len()) && !text.contains(char::is_control), "{text:?}");
            let is_secret = secret.len() >= 4 && !REDACTED.contains(&secret) && !secret.contains(['[', ']']);
            assert!(!is_secret || !text.contains(&secret), "{secret:?} in {text:?}");
        }
    });
}
