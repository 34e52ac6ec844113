//! Gives the data of a cluster to another identity, after its application was renamed or its key replaced.

use redis::{Connection, RedisResult};

use crate::redis::{Mismatch, OwnShard, Script, code};

static ADOPT: Script = Script::new(&[
    code!("../redis/scripts/cluster.lua"),
    code!("../redis/scripts/identity.lua"),
    code!("scripts/adopt.lua"),
]);

/// The result of an adoption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Adoption {
    /// The data belongs to this cluster now. The text is its former identity.
    Adopted(String),
    /// Nothing to adopt: the data is this cluster's or has no identity, or the config names no cluster.
    Own,
    /// A newer version has written the data in this schema. Only that version can adopt it.
    NewerSchema(u64),
    /// The data has another number of shards than the config. The text is the remedy.
    OtherShards(String),
}

/// Gives the data of a shard to the cluster `own`.
pub(super) fn adopt(redis: &mut Connection, own: &OwnShard) -> RedisResult<Adoption> {
    let mut call = ADOPT.call(&own.prefix);
    call.key(&["epoch", "nodes", "owners"].map(|name| own.key(name)));
    own.add_to(&mut call);
    let (status, text): (String, String) = call.invoke(redis)?;
    Ok(match status.as_str() {
        "ok" => Adoption::Adopted(text),
        "own" => Adoption::Own,
        mismatch => match own.mismatch(mismatch, &text) {
            Mismatch::Schema { theirs, .. } => Adoption::NewerSchema(theirs),
            other => Adoption::OtherShards(format!("{other}. {}", other.remedy())),
        },
    })
}
