//! The head of a POST. The part that is the same for all requests to an endpoint is encoded once. Pure.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ureq::http::uri::Scheme;
use ureq::http::{self, HeaderValue, Uri};
use ureq::{Error, Proxy};

/// The `User-Agent` of every request.
pub(crate) const USER_AGENT: &str = concat!("resonate-webhooks/", env!("CARGO_PKG_VERSION"));

/// The headers of every request, unless the endpoint configures its own.
const OWN: [(&str, &str); 2] = [("User-Agent", USER_AGENT), ("Accept", "*/*")];

/// The bytes reserved for the headers that differ between requests.
const ROOM: usize = 512;

/// An unfinished request head. It may contain secrets, so `Debug` shows none of it.
pub(crate) struct RequestHead(Vec<u8>);

impl RequestHead {
    /// Starts the head of a POST to `uri`, up to `Host`. A forwarding `proxy` gets the full URL and its credentials (RFC 9112,
    /// section 3.2.2).
    pub(super) fn post(uri: &Uri, proxy: Option<&Proxy>) -> Self {
        let path = uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
        let host = host(uri);
        let (before, login) = match proxy {
            Some(proxy) => (format!("http://{host}"), login(proxy)),
            None => (String::new(), String::new()),
        };
        Self(format!("POST {before}{path} HTTP/1.1\r\nHost: {host}\r\n{login}").into_bytes())
    }

    /// Copies this head for one request.
    pub(crate) fn begin(&self) -> Self {
        let mut bytes = Vec::with_capacity(self.0.len() + ROOM);
        bytes.extend_from_slice(&self.0);
        Self(bytes)
    }

    /// Adds the headers of every request and `headers`, which override them.
    ///
    /// # Errors
    /// Returns an error if a header cannot be sent.
    pub(crate) fn add_common_headers(&mut self, headers: &[(&str, &str)]) -> Result<(), Error> {
        let is_overridden = |name: &str| headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
        for (name, value) in OWN.into_iter().filter(|(name, _)| !is_overridden(name)) {
            self.add(name, value)?;
        }
        headers.iter().try_for_each(|(name, value)| self.add(name, value))
    }

    /// Adds a header. The name must be valid in HTTP.
    ///
    /// # Errors
    /// Returns an error if the value cannot be sent.
    pub(crate) fn add(&mut self, name: &str, value: &str) -> Result<(), Error> {
        // No early exit, so that the compiler vectorizes the check.
        let is_plain = value.bytes().fold(true, |plain, byte| plain & (byte == b'\t' || (b' '..=b'~').contains(&byte)));
        if !is_plain {
            // The error of this parser never contains the value, which may be secret.
            let _: HeaderValue = value.parse().map_err(http::Error::from)?;
        }
        for part in [name.as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            self.0.extend_from_slice(part);
        }
        Ok(())
    }

    /// Ends the head of a request whose body has `length` bytes.
    pub(crate) fn end(mut self, length: usize) -> Result<Vec<u8>, Error> {
        write!(self.0, "Content-Length: {length}\r\n\r\n")?;
        Ok(self.0)
    }
}

/// Returns the header with the credentials of a proxy, or an empty string if there are none.
fn login(proxy: &Proxy) -> String {
    match (proxy.username(), proxy.password()) {
        (None, None) => String::new(),
        (user, password) => {
            let login = format!("{}:{}", user.unwrap_or_default(), password.unwrap_or_default());
            format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode(login))
        }
    }
}

/// Returns the value of the `Host` header: the server, with the port if it is not the default.
pub(crate) fn host(uri: &Uri) -> String {
    let name = uri.host().unwrap_or_default();
    let own = if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
    match uri.port_u16().filter(|port| *port != own) {
        Some(port) => format!("{name}:{port}"),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(uri: &str) -> String {
        String::from_utf8(RequestHead::post(&uri.parse().unwrap(), None).end(7).unwrap()).unwrap()
    }

    #[test]
    fn a_head_has_path_query_server_and_length() {
        let expected = "POST /a/b?c=d HTTP/1.1\r\nHost: hooks.test:8080\r\nContent-Length: 7\r\n\r\n";
        assert_eq!(head("http://hooks.test:8080/a/b?c=d"), expected);
    }

    #[test]
    fn a_forwarding_proxy_gets_the_full_url_and_the_credentials() {
        let head = |proxy: &str| {
            let proxy = Proxy::new(proxy).unwrap();
            let head = RequestHead::post(&"http://hooks.test:80?c=d".parse().unwrap(), Some(&proxy));
            String::from_utf8(head.end(7).unwrap()).unwrap()
        };
        let begin = "POST http://hooks.test/?c=d HTTP/1.1\r\nHost: hooks.test\r\n";
        assert_eq!(head("http://proxy.test:3128"), format!("{begin}Content-Length: 7\r\n\r\n"));
        // printf %s me:a/b | base64
        let login = "Proxy-Authorization: Basic bWU6YS9i\r\n";
        assert_eq!(head("http://me:a%2Fb@proxy.test:3128"), format!("{begin}{login}Content-Length: 7\r\n\r\n"));
    }

    #[test]
    fn a_path_is_never_empty() {
        assert!(head("http://hooks.test").starts_with("POST / HTTP/1.1\r\n"));
        assert!(head("http://hooks.test?c=d").starts_with("POST /?c=d HTTP/1.1\r\n"));
    }

    #[test]
    fn the_default_port_is_omitted_from_host() {
        let host = |uri: &str| host(&uri.parse().unwrap());
        assert_eq!(host("http://hooks.test:80/"), "hooks.test");
        assert_eq!(host("https://hooks.test:443/"), "hooks.test");
        assert_eq!(host("https://hooks.test:80/"), "hooks.test:80");
        assert_eq!(host("http://[::1]:443/"), "[::1]:443");
    }

    #[test]
    fn a_value_cannot_end_its_line() {
        let mut head = RequestHead::post(&"http://hooks.test/".parse().unwrap(), None);
        for value in ["a\r\nx-more: b", "a\nb", "a\0"] {
            let refused = head.add("X-Pusher-Key", value).unwrap_err();
            assert!(!refused.to_string().contains(value), "{refused}");
        }
        head.add("X-Pusher-Key", "a \tü~").unwrap();
        let head = String::from_utf8(head.begin().end(0).unwrap()).unwrap();
        assert!(head.ends_with("Host: hooks.test\r\nX-Pusher-Key: a \tü~\r\nContent-Length: 0\r\n\r\n"), "{head}");
    }

    #[test]
    fn a_configured_header_replaces_the_common_one() {
        let mut head = RequestHead::post(&"http://hooks.test/".parse().unwrap(), None);
        head.add_common_headers(&[("User-AGENT", "mine"), ("x-a", "b"), ("x-a", "c")]).unwrap();
        let head = String::from_utf8(head.end(0).unwrap()).unwrap();
        assert!(head.contains("\r\nAccept: */*\r\nUser-AGENT: mine\r\nx-a: b\r\nx-a: c\r\n"), "{head}");
        assert!(!head.contains("resonate-webhooks/"), "{head}");
    }
}
