//! Parses the address of Redis, in the forms that Laravel's drivers accept.

use std::net::Ipv6Addr;
use std::path::PathBuf;

use serde::Deserialize;
use url::Url;

use super::userinfo::decoded;
use super::{Address, Login, ROOT, TlsFiles};
use crate::secret::Secret;

/// The default address of Redis.
pub(super) const DEFAULT_HOST: &str = "127.0.0.1";
pub(super) const DEFAULT_PORT: u16 = 6379;

/// `connection.host`: `redis.internal`, `tls://redis.internal`, `/run/redis.sock` or `unix:///run/redis.sock`.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) enum Host {
    Tcp { name: String, with_tls: bool },
    Unix(PathBuf),
}

impl Host {
    pub(super) fn with_port(self, port: u16) -> Address {
        match self {
            Self::Tcp { name, with_tls } => Address::Tcp { host: name, port, tls: with_tls.then(TlsFiles::default) },
            Self::Unix(path) => Address::Unix(path),
        }
    }
}

impl TryFrom<String> for Host {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
            None if text.starts_with('/') => ("unix".to_owned(), text.as_str()),
            None => ("tcp".to_owned(), text.as_str()),
        };
        let tcp = |with_tls| Ok(Self::Tcp { name: host_name(rest)?, with_tls });
        match scheme.as_str() {
            "tcp" | "redis" => tcp(false),
            "tls" | "ssl" | "rediss" => tcp(true),
            "unix" => socket_path(rest).map(Self::Unix),
            _ => Err("starts with an unknown scheme: use tcp://, tls:// or unix://".to_owned()),
        }
    }
}

/// Returns the host name or address, without the brackets of an IPv6 address.
fn host_name(text: &str) -> Result<String, String> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    if bare.parse::<Ipv6Addr>().is_ok() {
        return Ok(bare.to_owned());
    }
    if text.contains('@') {
        return Err("contains a login: set username and password instead".to_owned());
    }
    if text.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
        return Err(format!("{text:?} contains a port: set port instead"));
    }
    if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control() || "/:?#[]".contains(c)) {
        return Err(format!("{text:?} is not a host name"));
    }
    Ok(text.to_owned())
}

/// `connection.url`. No message quotes it: if the password contains an unescaped `/` or `#`, any part may hold a piece
/// of it.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct RedisUrl {
    pub(super) address: Address,
    pub(super) login: Option<Login>,
    pub(super) database: u32,
    /// `true` if its query has unsupported parameters.
    pub(super) has_unknown_parameters: bool,
}

impl RedisUrl {
    /// Warns about settings that have no effect because of the URL, or in its query.
    pub(super) fn warn(&self, wants_tls: bool, warnings: &mut Vec<String>) {
        if self.has_unknown_parameters {
            warnings.push(format!(
                "{ROOT}.connection.url has query parameters that have no effect: only database and password are supported"
            ));
        }
        if wants_tls && !matches!(self.address, Address::Tcp { tls: Some(_), .. }) {
            warnings.push(format!(
                "{ROOT}.connection.scheme is tls, but connection.url takes precedence and connects to {} without TLS: use a \
                 rediss:// URL",
                self.address
            ));
        }
    }
}

impl TryFrom<String> for RedisUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let lower = text.to_ascii_lowercase();
        if lower.starts_with("unix:") || lower.starts_with("redis+unix:") {
            return unix_url(&text);
        }
        let url = Url::parse(&text)
            .map_err(|error| format!("is not a URL ({error}): percent-encode special characters in its password"))?;
        let with_tls = match url.scheme() {
            "redis" | "tcp" => false,
            "rediss" | "tls" | "ssl" => true,
            _ => return Err("is not a Redis URL: it must start with redis://, rediss:// or unix://".to_owned()),
        };
        let host = Host::Tcp { name: host_name(&decoded(url.host_str().unwrap_or_default()))?, with_tls };
        let mut parts = Options::default();
        parts.userinfo(url.username(), url.password());
        parts.database(url.path().trim_matches('/'))?;
        parts.query(url.query().unwrap_or_default())?;
        Ok(parts.at(host.with_port(url.port().unwrap_or(DEFAULT_PORT))))
    }
}

/// Parses `unix:///run/redis.sock?database=2` or `unix://user:password@/run/redis.sock`. The URL standard allows no
/// userinfo before an empty host, so the URL parser cannot read these.
fn unix_url(text: &str) -> Result<RedisUrl, String> {
    let rest = text.split_once(':').map_or("", |(_, rest)| rest);
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut parts = Options::default();
    let path = match rest.split_once('@') {
        Some((userinfo, path)) if !userinfo.contains('/') => {
            match userinfo.split_once(':') {
                Some((user, password)) => parts.userinfo(user, Some(password)),
                None => parts.userinfo(userinfo, None),
            }
            path
        }
        _ => rest,
    };
    parts.query(query)?;
    Ok(parts.at(Address::Unix(socket_path(&decoded(path))?)))
}

fn socket_path(path: &str) -> Result<PathBuf, String> {
    if !path.starts_with('/') {
        return Err("has no absolute path".to_owned());
    }
    if path.contains(char::is_control) {
        return Err("contains a control character".to_owned());
    }
    Ok(PathBuf::from(path))
}

/// The parts of a URL other than the address.
#[derive(Default)]
struct Options {
    username: Option<String>,
    password: Option<Secret>,
    database: u32,
    has_unknown_parameters: bool,
}

impl Options {
    fn userinfo(&mut self, username: &str, password: Option<&str>) {
        self.username = Some(decoded(username)).filter(|name| !name.is_empty());
        self.password = password.filter(|password| !password.is_empty()).map(|text| Secret::new(decoded(text)));
    }

    fn database(&mut self, number: &str) -> Result<(), String> {
        if !number.is_empty() {
            self.database = number.parse().map_err(|_| "has no database number after its host".to_owned())?;
        }
        Ok(())
    }

    fn query(&mut self, query: &str) -> Result<(), String> {
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "database" | "db" => self.database(&value)?,
                "password" | "pass" => self.password = Some(Secret::new(value)),
                // The message does not name it: it may be part of a password with an unescaped character.
                _ => self.has_unknown_parameters = true,
            }
        }
        Ok(())
    }

    fn at(self, address: Address) -> RedisUrl {
        let Self { username, password, database, has_unknown_parameters } = self;
        RedisUrl { address, login: Login::new(username, password), database, has_unknown_parameters }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Result<Host, String> {
        Host::try_from(text.to_owned())
    }

    fn url(text: &str) -> Result<RedisUrl, String> {
        RedisUrl::try_from(text.to_owned())
    }

    fn server(name: &str, with_tls: bool) -> Host {
        Host::Tcp { name: name.to_owned(), with_tls }
    }

    fn tcp(host: &str, port: u16) -> Address {
        Address::Tcp { host: host.to_owned(), port, tls: None }
    }

    fn tls(host: &str, port: u16) -> Address {
        Address::Tcp { host: host.to_owned(), port, tls: Some(TlsFiles::default()) }
    }

    fn login(username: &str, password: &str) -> Login {
        Login { username: Some(username.to_owned()), password: Secret::new(password) }
    }

    #[test]
    fn a_host_is_accepted_in_the_forms_of_the_laravel_drivers() {
        assert_eq!(host("redis.internal"), Ok(server("redis.internal", false)));
        assert_eq!(host("tcp://10.0.0.1"), Ok(server("10.0.0.1", false)));
        assert_eq!(host("TLS://redis.internal"), Ok(server("redis.internal", true)));
        assert_eq!(host("rediss://[::1]"), Ok(server("::1", true)));
        assert_eq!(host("::1"), Ok(server("::1", false)));
        assert_eq!(host("/run/redis.sock"), Ok(Host::Unix("/run/redis.sock".into())));
        assert_eq!(host("unix:///run/redis.sock"), Ok(Host::Unix("/run/redis.sock".into())));
    }

    #[test]
    fn a_host_with_a_port_or_a_login_is_refused() {
        assert_eq!(host("redis:6379"), Err("\"redis:6379\" contains a port: set port instead".to_owned()));
        assert!(host("http://redis").unwrap_err().contains("unknown scheme"));
        assert!(host("unix://redis.sock").unwrap_err().contains("no absolute path"));
        assert_eq!(host("re dis"), Err("\"re dis\" is not a host name".to_owned()));
        assert_eq!(host("re\0dis"), Err("\"re\\0dis\" is not a host name".to_owned()));
        assert_eq!(host("/run/re\ndis"), Err("contains a control character".to_owned()));
        assert!(!host("me:hunter2@redis").unwrap_err().contains("hunter2"));
    }

    #[test]
    fn a_url_carries_login_port_and_database() {
        let full = url("redis://app:p%40ss%2Fword@redis.internal:6380/3").unwrap();
        assert_eq!(full.address, tcp("redis.internal", 6380));
        assert_eq!(full.login, Some(login("app", "p@ss/word")));
        assert_eq!(full.database, 3);

        let bare = url("tcp://redis.internal").unwrap();
        assert_eq!(
            bare,
            RedisUrl { address: tcp("redis.internal", 6379), login: None, database: 0, has_unknown_parameters: false }
        );

        assert_eq!(url("rediss://:x@h").unwrap().address, tls("h", 6379));
        let by_query = url("tls://h?database=4&password=x").unwrap();
        assert_eq!((by_query.database, by_query.login.unwrap().password), (4, Secret::new("x")));
        assert_eq!(url("redis://[::1]:7000").unwrap().address, tcp("::1", 7000));
    }

    #[test]
    fn unsupported_parameters_are_ignored_with_a_warning() {
        let known =
            url("rediss://:x@h:7000/3?timeout=5&read_timeout=60&family=0&scheme=tcp&ssl[verify_peer]=0").unwrap();
        assert_eq!(known.address, tls("h", 7000));
        assert_eq!((known.database, known.has_unknown_parameters), (3, true));
        assert!(!url("redis://h?db=1").unwrap().has_unknown_parameters);
        let mut warnings = Vec::new();
        url("redis://h?secret=hunter2").unwrap().warn(true, &mut warnings);
        assert_eq!(
            warnings,
            [
                "resonate-webhooks.connection.url has query parameters that have no effect: only database and password are \
                 supported",
                "resonate-webhooks.connection.scheme is tls, but connection.url takes precedence and connects to h:6379 \
                 without TLS: use a rediss:// URL",
            ]
        );
    }

    #[test]
    fn a_url_that_agrees_with_the_scheme_is_no_warning() {
        let mut warnings = Vec::new();
        url("redis://h").unwrap().warn(false, &mut warnings);
        url("rediss://h").unwrap().warn(true, &mut warnings);
        assert_eq!(warnings, [""; 0]);
    }

    #[test]
    fn a_username_without_a_password_is_ignored() {
        assert_eq!(url("redis://app@h").unwrap().login, None);
        assert_eq!(url("redis://app:@h").unwrap().login, None);
    }

    #[test]
    fn a_url_may_name_a_socket_file() {
        let expected = Address::Unix("/run/redis.sock".into());
        for text in ["unix:///run/redis.sock", "unix:/run/redis.sock", "redis+unix:///run/redis.sock"] {
            assert_eq!(
                url(text).unwrap(),
                RedisUrl { address: expected.clone(), login: None, database: 0, has_unknown_parameters: false },
                "{text}"
            );
        }
        assert_eq!(url("unix:///run/a@b.sock").unwrap().address, Address::Unix("/run/a@b.sock".into()));
        let full = url("unix://app:p%3Ass@/run/redis.sock?db=2").unwrap();
        assert_eq!(
            full,
            RedisUrl {
                address: expected,
                login: Some(login("app", "p:ss")),
                database: 2,
                has_unknown_parameters: false
            }
        );
    }

    #[test]
    fn a_refused_url_is_never_quoted() {
        for text in [
            "hunter2",
            "redis://:hunter2#x@h",
            "redis://:hun/ter2@h:port",
            "https://:hunter2@h",
            "redis://h/hunter2",
            "unix://hunter2",
        ] {
            let problem = url(text).unwrap_err();
            assert!(!problem.contains("hunter2") && !problem.contains("ter2"), "{text}: {problem}");
        }
    }
}
