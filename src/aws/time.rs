//! The two time formats of AWS, in UTC.

use std::time::SystemTime;

use ::time::OffsetDateTime;
use ::time::format_description::well_known::Rfc3339;
use ::time::macros::format_description;

/// Formats a time as `20150830T123600Z`, the format that is signed. The first eight characters are the date.
pub(super) fn basic(time: SystemTime) -> String {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    OffsetDateTime::from(time).format(format).unwrap_or_default()
}

/// Parses a time like `2015-08-30T12:36:00Z`.
pub(super) fn parse(text: &str) -> Option<SystemTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    // Computed with `date -u -d @SECONDS`.
    const KNOWN: [(u64, &str, &str); 6] = [
        (0, "19700101T000000Z", "1970-01-01T00:00:00Z"),
        (951_782_400, "20000229T000000Z", "2000-02-29T00:00:00Z"),
        (1_440_938_160, "20150830T123600Z", "2015-08-30T12:36:00Z"),
        (1_709_251_199, "20240229T235959Z", "2024-02-29T23:59:59Z"),
        (1_709_251_200, "20240301T000000Z", "2024-03-01T00:00:00Z"),
        (4_102_444_799, "20991231T235959Z", "2099-12-31T23:59:59Z"),
    ];

    #[test]
    fn known_times_are_formatted_and_parsed() {
        for (seconds, basic_form, extended) in KNOWN {
            assert_eq!(basic(at(seconds)), basic_form);
            assert_eq!(parse(extended), Some(at(seconds)), "{extended}");
        }
        assert_eq!(parse("2015-08-30T12:36:00.123Z"), Some(at(1_440_938_160) + Duration::from_millis(123)));
    }

    #[test]
    fn an_invalid_time_is_none() {
        for text in ["", "soon", "2015-08-30", "2015-08-30T12:36:00", "2015-13-30T12:36:00Z", "2015-08-30T24:00:00Z"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
