//! The two time formats of AWS. Times are UTC in whole seconds, without leap seconds, like Unix time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAY: u64 = 86_400;

/// Days from 0000-03-01 to 1970-01-01.
const EPOCH: i64 = 719_468;

/// Days in 400 years. The Gregorian calendar repeats after that.
const ERA: i64 = 146_097;

/// Formats a time as `20150830T123600Z`, the format that is signed. The first eight characters are the date.
pub(super) fn basic(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (year, month, day) = date(i64::try_from(seconds / DAY).unwrap_or(i64::MAX - EPOCH));
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// Parses a time like `2015-08-30T12:36:00Z`. A fraction of a second is ignored. AWS always uses UTC.
pub(crate) fn parse(text: &str) -> Option<SystemTime> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let time = time.split_once('.').map_or(time, |(whole, _)| whole);
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time, ':')?;
    if !(1970..10_000).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = u64::try_from(days(year, month, day)).ok()?;
    let in_day = u64::try_from(hour * 3600 + minute * 60 + second).ok()?;
    Some(UNIX_EPOCH + Duration::from_secs(days * DAY + in_day))
}

fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let mut parts = text.split(separator).map(|part| part.parse().ok());
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}

/// Returns year, month and day for a number of days since 1970-01-01.
///
/// Years begin on March 1 in this calculation, so that a leap day is the last day of its year.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH;
    let (era, of_era) = (days.div_euclid(ERA), days.rem_euclid(ERA));
    let of_year = |year: i64| year * 365 + year / 4 - year / 100;
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / (ERA - 1)) / 365;
    let of_year = of_era - of_year(year);
    let march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march + 2) / 5 + 1;
    let month = if march < 10 { march + 3 } else { march - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

/// Returns the number of days from 1970-01-01 to a date.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let march = if month > 2 { month - 3 } else { month + 9 };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    era * ERA + of_era * 365 + of_era / 4 - of_era / 100 + (153 * march + 2) / 5 + day - 1 - EPOCH
}

#[cfg(test)]
mod tests {
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
        assert_eq!(parse("2015-08-30T12:36:00.123Z"), Some(at(1_440_938_160)));
    }

    #[test]
    fn every_day_of_four_centuries_survives_a_round_trip() {
        for day in 0..=i64::from(400 * 366) {
            let (year, month, of_month) = date(day);
            assert_eq!(days(year, month, of_month), day);
        }
    }

    #[test]
    fn an_invalid_time_is_none() {
        for text in ["", "soon", "2015-08-30", "2015-08-30T12:36:00", "2015-13-30T12:36:00Z", "2015-08-30T24:00:00Z"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
