//! Replaces known secrets in text of others, such as the answer of an endpoint that prints its settings.

use std::fmt::Write;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose;
use derive_more::Debug;
use url::form_urlencoded::byte_serialize;

use super::Secret;

/// The text that replaces a secret.
pub(crate) const REDACTED: &str = "[redacted]";

/// The length of the shortest text that counts as a secret, in bytes. Shorter ones, such as the `1` of `?v=1`, would
/// make most text unreadable.
const SHORTEST: usize = 4;

/// Secrets, in the forms in which a text may contain them: plain, in JSON, in a URL, in HTML.
#[derive(Clone, Default, Debug)]
#[debug("{REDACTED}")]
pub(crate) struct Redaction(Vec<Secret>);

impl Redaction {
    /// Adds a secret.
    pub(crate) fn add(&mut self, secret: &str) {
        let json = in_json(secret);
        let ascii = in_ascii(json.expose());
        // PHP escapes slashes in JSON.
        let [php, php_ascii] = [&json, &ascii].map(|json| Secret::from(json.expose().replace('/', r"\/")));
        let form = in_url(secret);
        // A plus sign is `%2B` in a form.
        let url = form.expose().replace('+', "%20").into();
        for form in [secret.to_owned().into(), json, php, ascii, php_ascii, form, url, in_html(secret)] {
            if form.expose().len() >= SHORTEST && !self.0.contains(&form) {
                self.0.push(form);
            }
        }
    }

    /// Adds user and password, also as in HTTP Basic authentication.
    pub(crate) fn add_login(&mut self, user: &str, password: &str) {
        let login = Secret::new(format!("{user}:{password}"));
        let basic = Secret::new(general_purpose::STANDARD.encode(login.expose()));
        for secret in [user, password, login.expose(), basic.expose()] {
            self.add(secret);
        }
    }

    /// Adds the places of these secrets in `text` to `found`. A text that was cut may end with the beginning of a
    /// secret.
    fn find(&self, text: &str, found: &mut Vec<Range<usize>>) {
        for form in self.0.iter().map(Secret::expose) {
            found.extend(text.match_indices(form).map(|(at, _)| at..at + form.len()));
            let last = text.len().saturating_sub(form.len() - 1);
            let Some(start) = form.as_bytes().first_chunk::<SHORTEST>() else { continue };
            let ends = text.as_bytes()[last..].windows(SHORTEST).enumerate();
            let begun = ends.filter(|(_, window)| window == start).map(|(at, _)| last + at);
            found.extend(
                begun.filter(|at| form.as_bytes().starts_with(&text.as_bytes()[*at..])).map(|at| at..text.len()),
            );
        }
    }
}

/// Replaces the secrets in `text`. Those that overlap are replaced together, so no part of one remains.
pub(crate) fn redact<'a>(text: &str, secrets: impl IntoIterator<Item = &'a Redaction>) -> String {
    let mut found = Vec::new();
    for redaction in secrets {
        redaction.find(text, &mut found);
    }
    found.sort_unstable_by_key(|place| place.start);
    let (mut redacted, mut done) = (String::with_capacity(text.len()), 0);
    for Range { start, end } in found {
        if start >= done {
            redacted.push_str(&text[done..start]);
            redacted.push_str(REDACTED);
        }
        done = done.max(end);
    }
    redacted.push_str(&text[done..]);
    redacted
}

/// Escapes text as JSON does.
fn in_json(text: &str) -> Secret {
    let quoted = Secret::new(serde_json::to_string(text).unwrap_or_default());
    quoted.expose().trim_start_matches('"').strip_suffix('"').unwrap_or_default().to_owned().into()
}

/// Escapes what is not ASCII in JSON, as PHP and Python do.
fn in_ascii(json: &str) -> Secret {
    // Enough for any text, as below.
    let mut ascii = String::with_capacity(3 * json.len());
    for letter in json.chars() {
        if letter.is_ascii() {
            ascii.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                let _ = write!(ascii, r"\u{unit:04x}");
            }
        }
    }
    ascii.into()
}

/// Escapes text as forms do.
fn in_url(text: &str) -> Secret {
    // Enough for any text. A string that grows leaves its beginning in memory.
    let mut form = String::with_capacity(3 * text.len());
    form.extend(byte_serialize(text.as_bytes()));
    form.into()
}

/// Escapes text as templates do.
fn in_html(text: &str) -> Secret {
    let pairs = [('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&quot;"), ('\'', "&#039;")];
    pairs.into_iter().fold(Secret::new(text), |text, (letter, entity)| text.expose().replace(letter, entity).into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(secrets: &[&str]) -> Redaction {
        let mut redaction = Redaction::default();
        for secret in secrets {
            redaction.add(secret);
        }
        redaction
    }

    #[test]
    fn a_secret_is_replaced_in_every_form() {
        let secret = r#"a/b&"c"d e"#;
        let json = [r#"a/b&\"c\"d e"#, r#"a\/b&\"c\"d e"#];
        for form in [secret, json[0], json[1], "a%2Fb%26%22c%22d+e", "a%2Fb%26%22c%22d%20e", "a/b&amp;&quot;c&quot;d e"]
        {
            assert_eq!(redact(&format!("<{form}>"), [&of(&[secret])]), "<[redacted]>", "{form}");
        }
        for form in [r"p\u00e4ss/word\ud83d\ude00", r"p\u00e4ss\/word\ud83d\ude00"] {
            assert_eq!(redact(&format!("<{form}>"), [&of(&["p\u{e4}ss/word\u{1f600}"])]), "<[redacted]>", "{form}");
        }
    }

    #[test]
    fn overlapping_secrets_leave_nothing() {
        let secrets = ["hunter", "hunter2", "ter2you", "2you-too"];
        for order in [secrets, ["2you-too", "ter2you", "hunter2", "hunter"]] {
            let owners: Vec<Redaction> = order.iter().map(|secret| of(&[secret])).collect();
            assert_eq!(redact("a hunter2you-too, hunter.", &owners), "a [redacted], [redacted].");
        }
    }

    #[test]
    fn a_secret_that_is_cut_off_is_replaced() {
        let secret = of(&["hunter2-and-more"]);
        assert_eq!(redact("it is hunter2-an", [&secret]), "it is [redacted]");
        assert_eq!(redact("hunter2-and-mor", [&secret]), "[redacted]");
        assert_eq!(redact("it is hun", [&secret]), "it is hun", "three letters tell nothing");
        assert_eq!(redact("a hunter is here", [&secret]), "a hunter is here");
    }

    #[test]
    fn a_login_is_also_replaced_as_it_is_sent() {
        let mut login = Redaction::default();
        login.add_login("ann", "hunter2");
        assert_eq!(
            redact("Basic YW5uOmh1bnRlcjI= ann ann:hunter2 hunter2", [&login]),
            "Basic [redacted] ann [redacted] [redacted]"
        );
    }

    #[test]
    fn short_text_is_no_secret_and_a_redaction_prints_nothing() {
        assert_eq!(redact("a 1, abc", [&of(&["1", "abc", ""])]), "a 1, abc");
        assert_eq!(format!("{:?}", of(&["hunter2"])), "[redacted]");
    }

    proptest! {
        #[test]
        fn no_text_keeps_a_secret(before in "[a-cä]{0,9}", secret in "[a-cä]{4,9}", after in "[a-cä]{0,9}", other in "[a-cä]{4,6}") {
            let redacted = redact(&format!("{before}{secret}{after}"), [&of(&[&other]), &of(&[&secret])]);
            prop_assert!(!redacted.contains(&secret) && !redacted.contains(&other), "{redacted}");
        }
    }
}
