//! The URL of a proxy: `proxy`.

use derive_more::Display;
use serde::de::{Deserialize, Deserializer, IgnoredAny};
use url::Url;

use super::form::{Form, read};
use super::userinfo::{decoded, hidden};
use crate::secret::Secret;

/// The URL of a proxy. Printed without its credentials.
#[derive(Clone, Debug, PartialEq, Eq, Display)]
#[display("{shown}")]
pub struct ProxyUrl {
    /// The URL with its credentials.
    pub(crate) full: Secret,
    shown: Box<str>,
    /// The proxy resolves host names, and not this machine.
    pub(super) resolves_names: bool,
}

impl ProxyUrl {
    /// Returns user and password, if the URL has them.
    pub(crate) fn login(&self) -> Option<(String, String)> {
        let url = Url::parse(self.full.expose()).ok()?;
        let password = url.password().map(decoded).unwrap_or_default();
        Some((decoded(url.username()), password)).filter(|(user, password)| !(user.is_empty() && password.is_empty()))
    }
}

impl TryFrom<String> for ProxyUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let text = text.trim();
        let refused = |problem: &str| format!("\"{}\" {problem}", hidden(text));
        if text.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err(refused("contains a character that is not allowed in a URL"));
        }
        let url = Url::parse(text).map_err(|error| refused(&format!("is not a URL: {error}")))?;
        let resolves_names = match url.scheme() {
            "http" | "https" | "socks4a" | "socks5h" => true,
            "socks" | "socks4" | "socks5" => false,
            _ => {
                return Err(refused(
                    "is not a proxy URL: the scheme must be http, https, socks4, socks4a, socks5 or socks5h",
                ));
            }
        };
        if url.host_str().is_none_or(str::is_empty) {
            return Err(refused("has no host"));
        }
        // A path means nothing for a proxy. Usually it is part of a password with an unescaped slash.
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(format!("\"{}://…\" must end after the host and port", url.scheme()));
        }
        let mut bare = url.clone();
        // Neither can fail for a URL with a host.
        let _ = bare.set_username("");
        let _ = bare.set_password(None);
        Ok(Self { full: Secret::new(text), shown: bare.as_str().trim_end_matches('/').into(), resolves_names })
    }
}

/// `proxy` before it is resolved: a URL, `false` for no proxy, or not set.
#[derive(Clone, Debug, Default)]
pub(super) enum WrittenProxyUrl {
    #[default]
    Unset,
    Direct,
    Through(ProxyUrl),
}

impl WrittenProxyUrl {
    /// Resolves the setting. `otherwise` is the inherited proxy, for a key that is not set.
    pub(super) fn or(self, otherwise: Option<&ProxyUrl>) -> Option<ProxyUrl> {
        match self {
            Self::Unset => otherwise.cloned(),
            Self::Direct => None,
            Self::Through(proxy) => Some(proxy),
        }
    }
}

impl<'de> Deserialize<'de> for WrittenProxyUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, "the URL of a proxy or false", |form: Form<IgnoredAny>| match form {
            Form::Bool(true) => Some(Err("is true, expected the URL of a proxy or false".to_owned())),
            Form::Bool(false) => Some(Ok(Self::Direct)),
            Form::Text(text) => Some(ProxyUrl::try_from(text).map(Self::Through)),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::Config;

    fn parse(text: &str) -> Result<ProxyUrl, String> {
        ProxyUrl::try_from(text.to_owned())
    }

    #[test]
    fn the_password_of_a_proxy_is_never_printed() {
        let proxy = parse("http://me:hunter2@proxy.internal:3128").unwrap();
        assert_eq!(proxy.to_string(), "http://proxy.internal:3128");
        assert_eq!(proxy.full.expose(), "http://me:hunter2@proxy.internal:3128");
        assert!(!format!("{proxy:?}").contains("hunter2"));
    }

    #[test]
    fn a_login_is_decoded_and_may_lack_one_part() {
        let login = |text: &str| parse(text).unwrap().login();
        let of = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(login("http://me%40work:p%3Ass@p"), of("me@work", "p:ss"));
        assert_eq!(login("http://me@p"), of("me", ""));
        assert_eq!(login("http://:pass@p"), of("", "pass"));
        assert_eq!(login("http://p:3128"), None);
    }

    #[test]
    fn false_is_no_proxy_and_true_is_refused() {
        let proxy = |own| {
            let endpoint = json!({ "url": "https://a", "proxy": own });
            Config::from_value(json!({ "proxy": "http://p", "endpoints": [endpoint] }))
                .map(|config| config.endpoints[0].proxy.as_ref().map(ToString::to_string))
        };
        assert_eq!(proxy(json!(null)), Ok(Some("http://p".to_owned())));
        assert_eq!(proxy(json!(false)), Ok(None));
        assert_eq!(
            proxy(json!(true)).unwrap_err().to_string(),
            "resonate-webhooks.endpoints.0.proxy: is true, expected the URL of a proxy or false"
        );
    }

    #[test]
    fn the_scheme_decides_whether_the_proxy_resolves_names() {
        for (scheme, proxy) in [
            ("http", true),
            ("https", true),
            ("socks4a", true),
            ("socks5h", true),
            ("socks4", false),
            ("socks5", false),
        ] {
            assert_eq!(parse(&format!("{scheme}://p:1080")).unwrap().resolves_names, proxy, "{scheme}");
        }
    }

    #[test]
    fn an_invalid_url_is_refused_without_quoting_its_password() {
        for (text, problem) in [
            ("proxy.internal", "\"proxy.internal\" is not a URL: relative URL without a base"),
            (
                "ftp://me:hunter2@p",
                "\"ftp://…@p\" is not a proxy URL: the scheme must be http, https, socks4, socks4a, socks5 or socks5h",
            ),
            ("socks5://", "\"socks5://\" has no host"),
            ("http://me:hun ter2@p", "\"http://…@p\" contains a character that is not allowed in a URL"),
            ("http://me:hun\0ter2@p", "\"http://…@p\" contains a character that is not allowed in a URL"),
            ("http://me:hunter/2@p", "\"http://…@p\" is not a URL: invalid port number"),
            ("http://p/hunter2", "\"http://…\" must end after the host and port"),
            ("http://p?hunter2", "\"http://…\" must end after the host and port"),
            ("http://p/#hunter2", "\"http://…\" must end after the host and port"),
        ] {
            assert_eq!(parse(text).unwrap_err(), problem);
        }
    }
}
