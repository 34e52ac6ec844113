//! The proxy through which an endpoint is reached.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use url::Url;

use super::userinfo::hidden;
use crate::secret::Secret;

/// The URL of a proxy. Printed without what may be a password in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyUrl {
    full: Secret,
    shown: Box<str>,
    resolves_names: bool,
}

impl ProxyUrl {
    /// The URL with its credentials.
    #[must_use]
    pub const fn full(&self) -> &Secret {
        &self.full
    }

    /// Whether the proxy, and not this machine, looks up the names of endpoints.
    #[must_use]
    pub const fn resolves_names(&self) -> bool {
        self.resolves_names
    }
}

impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl TryFrom<String> for ProxyUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let text = text.trim();
        let refused = |problem: &str| format!("\"{}\" {problem}", hidden(text));
        if text.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err(refused("holds a character that no URL has"));
        }
        let url = Url::parse(text).map_err(|error| refused(&format!("is not a URL: {error}")))?;
        let resolves_names = match url.scheme() {
            "http" | "https" | "socks4a" | "socks5h" => true,
            "socks" | "socks4" | "socks5" => false,
            _ => return Err(refused("is no proxy: known are http, https, socks4, socks4a, socks5 and socks5h URLs")),
        };
        // What stands behind the host has no meaning for a proxy, and often is a password with an unescaped slash.
        if url.host_str().is_none_or(str::is_empty) {
            return Err(refused("names no host"));
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(format!("\"{}://…\" has something behind its host and port", url.scheme()));
        }
        let mut bare = url.clone();
        // Neither can fail for a URL with a host.
        let _ = bare.set_username("");
        let _ = bare.set_password(None);
        Ok(Self { full: Secret::new(text), shown: bare.as_str().trim_end_matches('/').into(), resolves_names })
    }
}

/// `proxy` as it is written: a URL, `false` for none although others have one, or nothing.
#[derive(Clone, Debug)]
pub(super) enum Written {
    Unset,
    Direct,
    Through(ProxyUrl),
}

impl Written {
    /// The proxy, where `otherwise` is what an endpoint without this key would use.
    pub(super) fn or(self, otherwise: Option<&ProxyUrl>) -> Option<ProxyUrl> {
        match self {
            Self::Unset => otherwise.cloned(),
            Self::Direct => None,
            Self::Through(proxy) => Some(proxy),
        }
    }
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct UrlOrFalse;

        impl Visitor<'_> for UrlOrFalse {
            type Value = Written;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the URL of a proxy or false")
            }

            fn visit_bool<E: Error>(self, on: bool) -> Result<Written, E> {
                if on { Err(E::custom("is true, expected the URL of a proxy or false")) } else { Ok(Written::Direct) }
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Written, E> {
                ProxyUrl::try_from(text.to_owned()).map(Written::Through).map_err(E::custom)
            }
        }

        deserializer.deserialize_any(UrlOrFalse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ProxyUrl, String> {
        ProxyUrl::try_from(text.to_owned())
    }

    #[test]
    fn a_proxy_keeps_its_password_to_itself() {
        let proxy = parse("http://me:hunter2@proxy.internal:3128").unwrap();
        assert_eq!(proxy.to_string(), "http://proxy.internal:3128");
        assert_eq!(proxy.full().expose(), "http://me:hunter2@proxy.internal:3128");
        assert!(!format!("{proxy:?}").contains("hunter2"));
    }

    #[test]
    fn who_looks_up_names_follows_from_the_scheme() {
        for (scheme, proxy) in [
            ("http", true),
            ("https", true),
            ("socks4a", true),
            ("socks5h", true),
            ("socks4", false),
            ("socks5", false),
        ] {
            assert_eq!(parse(&format!("{scheme}://p:1080")).unwrap().resolves_names(), proxy, "{scheme}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_its_password() {
        for (text, problem) in [
            ("proxy.internal", "\"proxy.internal\" is not a URL: relative URL without a base"),
            (
                "ftp://me:hunter2@p",
                "\"ftp://…@p\" is no proxy: known are http, https, socks4, socks4a, socks5 and socks5h URLs",
            ),
            ("socks5://", "\"socks5://\" names no host"),
            ("http://me:hun\nter2@p", "\"http://…@p\" holds a character that no URL has"),
            ("http://me:hunter/2@p", "\"http://…@p\" is not a URL: invalid port number"),
            ("http://p/hunter2", "\"http://…\" has something behind its host and port"),
        ] {
            assert_eq!(parse(text).unwrap_err(), problem);
        }
    }
}
