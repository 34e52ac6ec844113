//! The URL of an endpoint.

use derive_more::{Debug, Display};
use serde::Deserialize;
use url::Url;

use super::userinfo::{decoded, hidden};
use crate::secret::Secret;

/// An http(s) URL, separated from its credentials. Printed without its query, which may contain tokens.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Display)]
#[debug("{shown:?}")]
#[display("{shown}")]
#[serde(try_from = "String")]
pub struct EndpointUrl {
    /// The URL for requests: normalised, without userinfo and fragment.
    pub(crate) url: Url,
    /// The URL as in the config, without userinfo. Its query may be secret: use it only to compare it with the config.
    pub(crate) configured: Box<str>,
    shown: Box<str>,
    /// `user:password` for HTTP Basic authentication, if the URL had a userinfo.
    pub(crate) credentials: Option<Secret>,
}

impl EndpointUrl {
    /// Returns the URL for requests.
    pub(crate) fn as_str(&self) -> &str {
        self.url.as_str()
    }
}

impl TryFrom<String> for EndpointUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let text = text.trim();
        // The URL parser would remove a line break silently.
        if text.contains(char::is_control) {
            return Err(format!("\"{}\" contains a control character", hidden(text).escape_debug()));
        }
        let mut url = Url::parse(text).map_err(|error| format!("\"{}\" is not a URL: {error}", hidden(text)))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("\"{}\" is not an http(s) URL", hidden(text)));
        }

        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            (user, password) => {
                let login = format!("{}:{}", decoded(user), password.map(decoded).unwrap_or_default());
                if login.contains(char::is_control) {
                    // RFC 7617, section 2.
                    return Err("contains a control character in its user name or password".to_owned());
                }
                Some(Secret::new(login))
            }
        };
        // Neither can fail for an http(s) URL, which has a host.
        let _ = url.set_username("");
        let _ = url.set_password(None);

        let configured = if credentials.is_none() { text } else { url.as_str() }.to_owned();
        url.set_fragment(None);
        let shown = configured.split(['?', '#']).next().unwrap_or_default().into();
        Ok(Self { url, configured: configured.into(), shown, credentials })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<EndpointUrl, String> {
        EndpointUrl::try_from(text.to_owned())
    }

    #[test]
    fn credentials_are_separated_from_the_url_and_decoded() {
        let url = parse("https://me%40work:p%3Ass@example.com/hook?x=1").unwrap();
        assert_eq!(url.as_str(), "https://example.com/hook?x=1");
        assert_eq!(&*url.configured, "https://example.com/hook?x=1");
        assert_eq!(url.credentials.as_ref().map(Secret::expose), Some("me@work:p:ss"));
        assert!(!format!("{url:?}").contains("p:ss"));
    }

    #[test]
    fn a_url_without_credentials_is_shown_as_it_was_written() {
        let url = parse("https://example.com").unwrap();
        assert_eq!((url.to_string().as_str(), &*url.configured), ("https://example.com", "https://example.com"));
        assert_eq!(url.as_str(), "https://example.com/");
        assert_eq!(url.credentials, None);
    }

    #[test]
    fn a_token_in_the_query_is_never_printed() {
        for login in ["", "me:hunter2@"] {
            let url = parse(&format!("https://{login}example.com/hook?token=hunter2#hunter2")).unwrap();
            assert_eq!(url.to_string(), "https://example.com/hook");
            assert_eq!(format!("{url:?}"), "\"https://example.com/hook\"");
            assert_eq!(&*url.configured, "https://example.com/hook?token=hunter2#hunter2");
            assert!(url.url.query().is_some());
        }
    }

    #[test]
    fn an_unusual_spelling_does_not_reveal_the_password() {
        for odd in
            ["https:me:hunter2@example.com/", "https:/me:hunter2@example.com/", "https:\\\\me:hunter2@example.com"]
        {
            assert_eq!(parse(odd).unwrap().to_string(), "https://example.com/", "{odd}");
        }
    }

    #[test]
    fn control_characters_are_refused() {
        for (text, problem) in [
            (
                "https://example.com/a\r\nX-Pusher-Key: b",
                r#""https://example.com/a\r\nX-Pusher-Key: b" contains a control character"#,
            ),
            ("https://me:hunter2\n@example.com/", r#""https://…@example.com/" contains a control character"#),
            ("https://me:hunter2%0d%0a@example.com/", "contains a control character in its user name or password"),
        ] {
            assert_eq!(parse(text).unwrap_err(), problem);
        }
        assert_eq!(parse("https://example.com/%0d%0a").unwrap().as_str(), "https://example.com/%0d%0a");
        assert_eq!(parse("https://example.com/ü b").unwrap().as_str(), "https://example.com/%C3%BC%20b");
    }

    #[test]
    fn a_fragment_is_never_sent() {
        assert_eq!(parse("http://example.com/a#b").unwrap().as_str(), "http://example.com/a");
    }

    #[test]
    fn a_refused_url_is_quoted_without_its_password() {
        assert_eq!(parse("ftp://x").unwrap_err(), "\"ftp://x\" is not an http(s) URL");
        assert_eq!(parse("ftp://me:hunter2@x/y").unwrap_err(), "\"ftp://…@x/y\" is not an http(s) URL");
        assert_eq!(parse("https://me:hunter2@").unwrap_err(), "\"https://…@\" is not a URL: empty host");
        assert_eq!(
            parse("example.com/hook").unwrap_err(),
            "\"example.com/hook\" is not a URL: relative URL without a base"
        );
    }
}
