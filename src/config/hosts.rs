//! Lists of servers: `connection.sentinels` and `connection.cluster`.

use serde::de::{Deserialize, Deserializer};

use super::Address;
use super::address::Host;
use super::form::{Form, read};

/// A list of `host:port`, or one text with commas, for environment variables. `PORT` is the default port.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Hosts<const PORT: u16> {
    pub(super) hosts: Vec<(String, u16)>,
    pub(super) with_tls: bool,
}

impl<const PORT: u16> Hosts<PORT> {
    pub(super) fn parse(items: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self, String> {
        let mut read = Self::default();
        for item in items {
            let item = item.as_ref().trim();
            if item.is_empty() {
                continue;
            }
            let (host, with_tls) = host(item, PORT)?;
            if !read.hosts.is_empty() && with_tls != read.with_tls {
                return Err("tls:// must be in front of all servers or of none".to_owned());
            }
            read.with_tls = with_tls;
            read.hosts.push(host);
        }
        Ok(read)
    }
}

/// Returns the servers as a text for logs.
pub(super) fn joined(hosts: &[(String, u16)]) -> String {
    hosts.iter().map(|server| Address::of_server(server, None).to_string()).collect::<Vec<_>>().join(", ")
}

fn host(text: &str, default_port: u16) -> Result<((String, u16), bool), String> {
    if text.contains('@') {
        // Not quoted: it may hold a password.
        return Err("one of the servers has a login in front of its host: use the keys of the login instead".to_owned());
    }
    let (name, port) = match text.rsplit_once(':') {
        // The last colon in `[::1]` and in `tls://host` does not start a port.
        Some((name, port)) if !port.ends_with(']') && !port.starts_with("//") => {
            let number = port.parse().ok().filter(|number| *number > 0);
            (name, number.ok_or_else(|| format!("{text:?} has no port from 1 to 65535 after its colon"))?)
        }
        _ => (text, default_port),
    };
    match Host::try_from(name.to_owned()).map_err(|problem| format!("{text:?}: {problem}"))? {
        Host::Tcp { name, with_tls } => Ok(((name, port), with_tls)),
        Host::Unix(_) => Err(format!("{text:?} is a socket path: use a host and a port")),
    }
}

impl<'de, const PORT: u16> Deserialize<'de> for Hosts<PORT> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, "a list of host:port", |form: Form<String>| match form {
            Form::Text(text) => Some(Self::parse(text.split(','))),
            Form::List(list) => Some(Self::parse(list.items())),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, u16)>, String> {
        Hosts::<26_379>::parse(text.split(',')).map(|read| read.hosts)
    }

    #[test]
    fn a_server_is_a_host_with_or_without_a_port() {
        let hosts = [("a".to_owned(), 26_379), ("10.0.0.2".to_owned(), 5000), ("::1".to_owned(), 26_380)];
        assert_eq!(read("a, tcp://10.0.0.2:5000 ,[::1]:26380,"), Ok(hosts.to_vec()));
        assert_eq!(read(""), Ok(Vec::new()));
    }

    #[test]
    fn an_invalid_server_is_refused_with_a_reason() {
        assert_eq!(read("a:b"), Err("\"a:b\" has no port from 1 to 65535 after its colon".to_owned()));
        assert_eq!(read("/run/s.sock"), Err("\"/run/s.sock\" is a socket path: use a host and a port".to_owned()));
        assert_eq!(read("a,tls://b"), Err("tls:// must be in front of all servers or of none".to_owned()));
        let login = read("redis://:hunter2@a:1").unwrap_err();
        assert!(login.contains("a login") && !login.contains("hunter2"), "{login}");
    }
}
