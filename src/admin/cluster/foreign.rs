//! Keys under the prefix that another program has written.

use redis::{Commands, Connection, RedisResult};
use serde::Serialize;

use crate::redis::{ForeignKey, OwnShard, answered, find_foreign_keys, find_foreign_keys_of_apps};

/// A key of the wrong type.
#[derive(Clone, Debug, Serialize)]
pub struct Foreign {
    /// Name of the key, with non-printable characters escaped.
    pub key: String,
    /// Application that is suspended because of the key, if the key belongs to one.
    pub app_id: Option<String>,
    /// Problem and remedy.
    pub message: String,
}

impl Foreign {
    fn new(key: ForeignKey, app_id: Option<String>) -> Self {
        Self { message: key.to_string(), key: key.key, app_id }
    }
}

/// Finds foreign keys among those of the cluster, those of `apps`, and those for which a node has suspended an
/// application. Finds none if the ACL forbids the commands for it.
///
/// # Errors
/// If the connection breaks.
pub(super) fn keys(redis: &mut Connection, keys: &OwnShard, apps: &[&str]) -> RedisResult<Vec<Foreign>> {
    let of_cluster = answered(find_foreign_keys(redis, &keys.prefix))?.unwrap_or_default();
    let mut foreign: Vec<Foreign> = of_cluster.into_iter().map(|key| Foreign::new(key, None)).collect();
    let suspended: Vec<(Vec<u8>, Vec<u8>)> = answered(redis.hgetall(keys.key("suspended")))?.unwrap_or_default();
    for (app, entry) in suspended {
        let app = String::from_utf8_lossy(&app).into_owned();
        foreign.push(Foreign::new(ForeignKey::suspending(&entry), Some(app)));
    }
    for (app, key) in answered(find_foreign_keys_of_apps(redis, &keys.prefix, apps))?.unwrap_or_default() {
        if foreign.iter().all(|known| known.key != key.key) {
            foreign.push(Foreign::new(key, Some(app.to_owned())));
        }
    }
    Ok(foreign)
}
