//! The Sentinels that name the Redis master: `connection.sentinels`.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::address::Host;
use super::connection::Login;
use super::tls_files::TlsFiles;
use super::value::List;

/// The default port of a Sentinel.
const DEFAULT_PORT: u16 = 26_379;

/// The service name in Sentinel's example config.
pub(super) const DEFAULT_SERVICE: &str = "mymaster";

/// The Sentinels and their service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentinels {
    /// Host and port of each Sentinel, in the order of the queries.
    pub hosts: Vec<(String, u16)>,
    /// Service name of the master.
    pub service: String,
    /// TLS files, if the Sentinels and the servers use TLS.
    pub tls: Option<TlsFiles>,
    /// Credentials for the Sentinels themselves, if they require them.
    pub login: Option<Login>,
}

/// For logs, without the login.
impl fmt::Display for Sentinels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (Sentinel at ", self.service)?;
        for (n, (host, port)) in self.hosts.iter().enumerate() {
            let comma = if n > 0 { ", " } else { "" };
            let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
            write!(f, "{comma}{host}:{port}")?;
        }
        f.write_str(")")
    }
}

/// `connection.sentinels`: a list of `host:port`, or one text with commas, for environment variables.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Hosts {
    pub(super) hosts: Vec<(String, u16)>,
    pub(super) with_tls: bool,
}

impl Hosts {
    fn read<'a>(items: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut read = Self::default();
        for item in items.into_iter().map(str::trim).filter(|item| !item.is_empty()) {
            let (host, with_tls) = host(item)?;
            if !read.hosts.is_empty() && with_tls != read.with_tls {
                return Err("tls:// must be in front of all Sentinels or of none".to_owned());
            }
            read.with_tls = with_tls;
            read.hosts.push(host);
        }
        Ok(read)
    }
}

fn host(text: &str) -> Result<((String, u16), bool), String> {
    let (name, port) = match text.rsplit_once(':') {
        // The last colon in `[::1]` and in `tls://host` does not start a port.
        Some((name, port)) if !port.ends_with(']') && !port.starts_with("//") => {
            let number = port.parse().ok().filter(|number| *number > 0);
            (name, number.ok_or_else(|| format!("{text:?} has no port from 1 to 65535 after its colon"))?)
        }
        _ => (text, DEFAULT_PORT),
    };
    match Host::try_from(name.to_owned()).map_err(|problem| format!("{text:?}: {problem}"))? {
        Host::Tcp(name) => Ok(((name, port), false)),
        Host::Tls(name) => Ok(((name, port), true)),
        Host::Unix(_) => Err(format!("{text:?} is a socket path: use the host and port of the Sentinel")),
    }
}

impl<'de> Deserialize<'de> for Hosts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        fn from_list<E: Error>(List(items): List<String>) -> Result<Hosts, E> {
            Hosts::read(items.iter().map(|(_, item)| item.as_str())).map_err(E::custom)
        }

        struct HostsVisitor;

        impl<'de> Visitor<'de> for HostsVisitor {
            type Value = Hosts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of host:port")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Hosts, E> {
                Hosts::read(text.split(',')).map_err(E::custom)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Hosts, A::Error> {
                from_list(List::deserialize(SeqAccessDeserializer::new(items))?)
            }

            fn visit_map<A: MapAccess<'de>>(self, items: A) -> Result<Hosts, A::Error> {
                from_list(List::deserialize(MapAccessDeserializer::new(items))?)
            }
        }

        deserializer.deserialize_any(HostsVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, u16)>, String> {
        Hosts::read(text.split(',')).map(|read| read.hosts)
    }

    #[test]
    fn a_sentinel_is_a_host_with_or_without_a_port() {
        let hosts = [("a".to_owned(), 26_379), ("10.0.0.2".to_owned(), 5000), ("::1".to_owned(), 26_380)];
        assert_eq!(read("a, tcp://10.0.0.2:5000 ,[::1]:26380,"), Ok(hosts.to_vec()));
        assert_eq!(read(""), Ok(Vec::new()));
    }

    #[test]
    fn an_invalid_sentinel_is_refused_with_a_reason() {
        assert_eq!(read("a:b"), Err("\"a:b\" has no port from 1 to 65535 after its colon".to_owned()));
        assert_eq!(
            read("/run/s.sock"),
            Err("\"/run/s.sock\" is a socket path: use the host and port of the Sentinel".to_owned())
        );
        assert_eq!(read("a,tls://b"), Err("tls:// must be in front of all Sentinels or of none".to_owned()));
        assert!(read("redis://:hunter2@a:1").unwrap_err().contains("a login"));
    }
}
