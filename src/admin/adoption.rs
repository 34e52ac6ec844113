//! Gives the data of a cluster to another identity, after its application was renamed or its key replaced.

use std::sync::LazyLock;

use redis::{Connection, RedisResult};

use crate::config::ClusterIdentity;
use crate::redis::{SCHEMA, Script, identity_argument};
use crate::report::StatusKeys;

static ADOPT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("../redis/scripts/cluster.lua"),
        include_str!("../redis/scripts/identity.lua"),
        include_str!("scripts/adopt.lua")
    ))
});

/// The result of an adoption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Adoption {
    /// The data belongs to this cluster now. The text is its former identity.
    Adopted(String),
    /// Nothing to adopt: the data is this cluster's or has no identity, or the config names no cluster.
    Own,
    /// A newer version has written the data in this schema. Only that version can adopt it.
    NewerSchema(u64),
}

/// Gives the data to the cluster `identity`.
pub(super) fn adopt(
    keys: &StatusKeys,
    redis: &mut Connection,
    owners: &str,
    identity: &ClusterIdentity,
) -> RedisResult<Adoption> {
    let mut call = ADOPT.call(&keys.prefix);
    call.key(keys.key("epoch")).key(keys.key("nodes")).key(owners).arg(identity_argument(Some(identity))).arg(SCHEMA);
    let (status, text): (String, String) = call.invoke(redis)?;
    Ok(match status.as_str() {
        "ok" => Adoption::Adopted(text),
        "schema" => Adoption::NewerSchema(text.parse().unwrap_or(u64::MAX)),
        _ => Adoption::Own,
    })
}
