//! A Redis Cluster: `connection.cluster`.

use derive_more::Display;
use serde::de::{Deserialize, Deserializer};

use super::address::DEFAULT_PORT;
use super::form::{Form, read};
use super::hosts::Hosts;
use super::scalar::Switch;
use super::{Address, ConfigError, TlsFiles, hosts};

/// Servers of a Redis Cluster. A node learns of the others from them.
#[derive(Clone, Debug, PartialEq, Eq, Display)]
#[display("{} (Cluster)", hosts::joined(hosts))]
pub struct Seeds {
    /// Host and port of each server, in the order of the queries.
    pub hosts: Vec<(String, u16)>,
    /// TLS files, if the servers use TLS.
    pub tls: Option<TlsFiles>,
}

impl Seeds {
    /// Takes the server at `address` as the only seed.
    pub(super) fn at(address: Address) -> Result<Self, ConfigError> {
        let Address::Tcp { host, port, tls } = address else {
            return Err(ConfigError::at("connection.cluster", "needs a host and a port, not a socket path"));
        };
        Ok(Self { hosts: vec![(host, port)], tls })
    }
}

/// `connection.cluster` before it is resolved: a list of `host:port`, one text with commas, or a switch.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum WrittenSeeds {
    /// Redis is no cluster.
    #[default]
    Off,
    /// The server at the url or the host belongs to a cluster.
    On,
    /// These servers belong to a cluster.
    Listed(Hosts<DEFAULT_PORT>),
}

impl From<Hosts<DEFAULT_PORT>> for WrittenSeeds {
    fn from(listed: Hosts<DEFAULT_PORT>) -> Self {
        if listed.hosts.is_empty() { Self::Off } else { Self::Listed(listed) }
    }
}

impl From<Switch> for WrittenSeeds {
    fn from(switch: Switch) -> Self {
        if switch.or(false) { Self::On } else { Self::Off }
    }
}

impl<'de> Deserialize<'de> for WrittenSeeds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, "a list of host:port, true or false", |form: Form<String>| match form {
            Form::Bool(on) => Some(Ok(if on { Self::On } else { Self::Off })),
            Form::Whole(number) => Some(Switch::parse(&number.to_string()).map(Into::into)),
            Form::Text(text) => {
                let switch = Switch::parse(&text).map(Into::into);
                Some(switch.or_else(|_| Hosts::parse(text.split(',')).map(Into::into)))
            }
            Form::List(list) => Some(Hosts::parse(list.items()).map(Into::into)),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::config::Connection;
    use crate::event::Shard;

    #[test]
    fn a_list_a_text_and_a_switch_are_read() {
        let read = |value: Value| WrittenSeeds::deserialize(value).unwrap();
        for off in [json!(false), json!(""), json!("0"), json!("false"), json!([])] {
            assert_eq!(read(off), WrittenSeeds::Off);
        }
        for on in [json!(true), json!("true"), json!("1")] {
            assert_eq!(read(on), WrittenSeeds::On);
        }
        let hosts = vec![("a".to_owned(), 7000), ("::1".to_owned(), 6379)];
        for listed in [json!(["a:7000", "[::1]"]), json!("a:7000, [::1]"), json!({ "x": "a:7000", "y": "[::1]" })] {
            assert_eq!(read(listed), WrittenSeeds::Listed(Hosts { hosts: hosts.clone(), with_tls: false }));
        }
    }

    #[test]
    fn a_prefix_gets_a_hash_tag_of_its_own() {
        let sharded = Connection { shards: 2, ..Connection::default() };
        assert_eq!(sharded.prefix_of(Shard::FIRST, "wh"), "{wh:0}");
        let refusal = sharded.check_prefix("a}b").unwrap_err().to_string();
        assert!(refusal.starts_with("resonate-webhooks.key_prefix: must not contain a brace"), "{refusal}");
    }
}
