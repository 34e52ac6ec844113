//! Foreign keys: keys under our prefix that have another type, because another program writes them. Redis does not name
//! the key when it refuses a call because of one (`WRONGTYPE`), so this module looks for it.

use std::fmt;

use redis::{Connection, RedisResult};

use crate::event::PARTITIONS;

/// The keys that exist once per cluster, by their types.
const ONCE: [(&str, &[&str]); 6] = [
    ("hash", &["by", "counts", "dead_bodies", "disabled", "epoch", "out_bytes", "owners", "paused", "suspended"]),
    ("none", &["room"]),
    ("set", &["unconfirmed"]),
    ("stream", &["dead", "watched"]),
    ("string", &["audit", "watch"]),
    ("zset", &["counts_due", "dead_sizes", "due", "nodes", "status"]),
];

/// The keys that exist once per partition of the outbox.
const OF_PARTITIONS: [(&str, &str); 3] = [("cursor", "hash"), ("inflight", "hash"), ("out", "stream")];

/// The keys that exist once per node.
const OF_NODES: [(&str, &str); 6] = [
    ("counted", "string"),
    ("held_channels", "set"),
    ("held_connections", "set"),
    ("held_users", "set"),
    ("reply", "hash"),
    ("status", "string"),
];

/// The keys that exist once per application. A foreign one suspends the application.
const OF_APPS: [(&str, &str); 2] = [("channels", "hash"), ("connections", "hash")];

/// Most nodes whose keys are checked.
const NODES_AT_MOST: usize = 100;

/// A key of the wrong type. Its text is one line, whatever bytes the key contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    /// The key, escaped.
    pub key: String,
    /// The expected type.
    pub expected: String,
    /// The actual type, if it was read.
    pub found: Option<String>,
}

impl ForeignKey {
    fn new(key: &[u8], expected: &str, found: Option<&str>) -> Self {
        Self { key: key.escape_ascii().to_string(), expected: expected.to_owned(), found: found.map(str::to_owned) }
    }

    /// Parses the key that suspends an application, as `suspended.lua` writes it: its type, a space, the key.
    pub(crate) fn suspending(entry: &[u8]) -> Self {
        let space = entry.iter().position(|byte| *byte == b' ').unwrap_or_default();
        let (expected, key) = entry.split_at(space);
        Self::new(key.strip_prefix(b" ").unwrap_or(key), &expected.escape_ascii().to_string(), None)
    }
}

impl fmt::Display for ForeignKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the key \"{}\" ", self.key)?;
        match &self.found {
            _ if self.expected == "none" => write!(f, "should not exist")?,
            Some(found) => write!(f, "is a {} and should be a {}", name(found), name(&self.expected))?,
            None => write!(f, "should be a {} but is not", name(&self.expected))?,
        }
        f.write_str(
            ": delete or rename it; if another program writes it, take another prefix (RESONATE_WEBHOOKS_PREFIX)",
        )
    }
}

/// Returns the readable name of a type.
fn name(kind: &str) -> &str {
    if kind == "zset" { "sorted set" } else { kind }
}

/// Finds the foreign keys of the cluster and of its nodes.
///
/// # Errors
/// If Redis is unreachable or refuses the call.
pub(crate) fn find(redis: &mut Connection, prefix: &str) -> RedisResult<Vec<ForeignKey>> {
    let key = |name: &str| format!("{prefix}:{name}").into_bytes();
    let mut keys: Vec<TypedKey> =
        ONCE.iter().flat_map(|(kind, names)| names.iter().map(|name| (key(name), *kind))).collect();
    keys.sort();
    keys.extend((0..PARTITIONS).flat_map(|partition| {
        OF_PARTITIONS.iter().map(move |(name, kind)| (format!("{prefix}:{name}:{partition}").into_bytes(), *kind))
    }));
    let mut foreign = among(redis, &keys)?;
    let nodes = key("nodes");
    if !foreign.iter().any(|known| known.key == nodes.escape_ascii().to_string()) {
        let nodes: Vec<String> = redis::cmd("ZRANGE").arg(nodes).arg(0).arg(NODES_AT_MOST - 1).query(redis)?;
        foreign.extend(among(redis, &of_each(prefix, &OF_NODES, nodes.iter().map(String::as_bytes)))?);
    }
    Ok(foreign)
}

/// Finds the foreign keys of these applications.
///
/// # Errors
/// As [`find`].
pub(crate) fn find_of_apps<'a>(
    redis: &mut Connection,
    prefix: &str,
    apps: &[&'a str],
) -> RedisResult<Vec<(&'a str, ForeignKey)>> {
    let keys = of_each(prefix, &OF_APPS, apps.iter().map(|app| app.as_bytes()));
    let found = types(redis, &keys)?;
    let owners = apps.iter().flat_map(|app| [*app; OF_APPS.len()]);
    Ok(owners
        .zip(keys.iter().zip(found))
        .filter_map(|(app, (key, found))| Some((app, foreign(key, &found)?)))
        .collect())
}

/// A key and its expected type.
type TypedKey = (Vec<u8>, &'static str);

fn of_each<'a>(prefix: &str, kinds: &[(&str, &'static str)], whose: impl Iterator<Item = &'a [u8]>) -> Vec<TypedKey> {
    let of = |owner: &[u8], name: &str| [prefix.as_bytes(), b":", name.as_bytes(), b":", owner].concat();
    whose.flat_map(|owner| kinds.iter().map(move |(name, kind)| (of(owner, name), *kind))).collect()
}

fn among(redis: &mut Connection, keys: &[TypedKey]) -> RedisResult<Vec<ForeignKey>> {
    let found = types(redis, keys)?;
    Ok(keys.iter().zip(found).filter_map(|(key, found)| foreign(key, &found)).collect())
}

fn types(redis: &mut Connection, keys: &[TypedKey]) -> RedisResult<Vec<String>> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let mut asked = redis::pipe();
    for (key, _) in keys {
        asked.cmd("TYPE").arg(key);
    }
    asked.query(redis)
}

fn foreign((key, expected): &TypedKey, found: &str) -> Option<ForeignKey> {
    (found != "none" && found != *expected).then(|| ForeignKey::new(key, expected, Some(found)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::redis::RedisServer;

    #[test]
    fn each_foreign_key_is_found_with_both_types() {
        let server = RedisServer::start();
        let mut redis = server.connect();
        let mut run = |words: &[&str]| redis::cmd(words[0]).arg(&words[1..]).exec(&mut redis).unwrap();
        run(&["ZADD", "wh:nodes", "1", "a", "2", "b"]);
        run(&["SET", "wh:due", "x"]);
        run(&["HSET", "wh:counts", "c", "1"]);
        run(&["SET", "wh:out:15", "x"]);
        run(&["SET", "wh:held_users:b", "x"]);
        run(&["LPUSH", "wh:connections:a\nb", "x"]);
        let found = find(&mut redis, "wh").unwrap();
        let keys: Vec<&str> = found.iter().map(|foreign| foreign.key.as_str()).collect();
        assert_eq!(keys, ["wh:due", "wh:out:15", "wh:held_users:b"]);
        let text = found[0].to_string();
        assert!(text.starts_with("the key \"wh:due\" is a string and should be a sorted set: delete"), "{text}");
        let of_apps = find_of_apps(&mut redis, "wh", &["c", "a\nb"]).unwrap();
        let [(app, key)] = &of_apps[..] else { panic!("{of_apps:?}") };
        assert_eq!(*app, "a\nb");
        assert!(key.to_string().starts_with("the key \"wh:connections:a\\nb\" is a list"), "{key}");
    }

    #[test]
    fn every_key_that_the_scripts_name_is_in_a_table() {
        // `users` and `miss` have a channel in their names, `dead_of` an endpoint, and `probe` lives during a check.
        const NOT_LISTED: [&str; 4] = ["dead_of", "miss", "probe", "users"];
        // No script header names these with the prefix.
        const NOT_NAMED: [&str; 2] = ["inflight", "watched"];
        let others = [&OF_PARTITIONS[..], &OF_NODES, &OF_APPS].concat();
        let once = ONCE.iter().flat_map(|(_, names)| names.iter().copied());
        let listed: Vec<&str> = once.chain(others.iter().map(|(name, _)| *name)).collect();
        let mut named = std::collections::BTreeSet::new();
        for module in ["admin", "cluster", "outbox/redis", "presence", "redis", "report"] {
            let folder = format!("{}/src/{module}/scripts", env!("CARGO_MANIFEST_DIR"));
            for file in std::fs::read_dir(folder).unwrap() {
                let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
                for rest in text.split("{prefix}:").skip(1) {
                    let end = rest.find(|letter: char| letter != '_' && !letter.is_ascii_lowercase());
                    named.insert(rest[..end.unwrap_or(rest.len())].to_owned());
                }
            }
        }
        named.remove("");
        assert!(named.len() > 25, "{named:?}");
        let missing: Vec<_> =
            named.iter().filter(|name| ![&listed[..], &NOT_LISTED].concat().contains(&name.as_str())).collect();
        assert!(missing.is_empty(), "{missing:?}");
        let unknown: Vec<_> =
            listed.iter().filter(|name| !named.contains(**name) && !NOT_NAMED.contains(name)).collect();
        assert!(unknown.is_empty(), "no script names {unknown:?}");
    }

    #[test]
    fn the_entry_of_a_suspended_application_is_parsed() {
        let key = ForeignKey::suspending(b"hash wh:users:1:a:presence-b c");
        assert_eq!((key.key.as_str(), key.expected.as_str()), ("wh:users:1:a:presence-b c", "hash"));
        assert!(key.to_string().contains("should be a hash but is not: delete"), "{key}");
    }
}
