//! Scripts with which a node joins its cluster, stays in it and leaves, and the keys that all scripts of a node take.
//!
//! Keys after `{prefix}:` (default `wh`), on one server or behind Sentinel:
//! - `epoch`: hash, one lifetime of the data. If the key is gone, Redis has lost everything. Fields: `id`; `settling`,
//!   see `scripts/settling.lua`; `server`, the `run_id` of the process with the data; `cluster` and `schema`, see
//!   `identity.lua`. Presence adds its own fields.
//! - `unconfirmed`: set, nodes that a settling waits for.
//! - `nodes`: sorted set, node → expiry of its lease (ms by Redis' clock); negative while it is being reaped.
//! - `held_users:{node}`, `held_channels:{node}`, `held_connections:{node}`: sets, the holds of a node, reaped in this
//!   order. Reaping costs what the node held, not what Redis holds.
//! - `audit`: string, the node that audits the roster; see [`super::audit`].
//! - `reply:{node}`: hash, number, time and edges of the node's last batch, the settling for which it last restored its
//!   holds, and a mark once it was reaped. A repeated batch is applied once, and a late one never.

use std::time::Duration;

use derive_more::Deref;
use redis::{Connection, RedisResult};

use super::answers::{Acknowledged, Closed, Entered, Refusal, SettlingStatus, accepted};
use super::session::Past;
use crate::config::Config;
use crate::event::{NodeId, Shard};
use crate::redis::{OwnShard, Script, ScriptCall, Stamp, code, millis};

macro_rules! script {
    ($($file:literal),+) => {
        Script::new(&[
            code!("../redis/scripts/cluster.lua"),
            code!("../redis/scripts/refusals.lua"),
            $(code!($file)),+
        ])
    };
}

static OPEN: Script = script!("../redis/scripts/while_full.lua", "../redis/scripts/identity.lua", "scripts/open.lua");
static CONFIRM: Script =
    script!("../redis/scripts/while_full.lua", "../redis/scripts/behind.lua", "scripts/confirm.lua");
static ELECT: Script = script!("scripts/elect.lua");
static BYE: Script = script!("scripts/held.lua", "scripts/bye.lua");

/// The membership scripts of one node under one key prefix.
#[derive(Clone, Debug, Deref)]
pub(crate) struct MembershipScripts {
    #[deref]
    own: OwnShard,
    /// Time for which a node stays in the cluster without a renewal.
    pub(crate) lease: Duration,
}

impl MembershipScripts {
    /// Creates the scripts for a shard of the cluster in `config`.
    pub(crate) fn of(config: &Config, shard: Shard) -> Self {
        Self { own: OwnShard::of(config, shard), lease: config.ttl }
    }

    /// Starts a call of `script` with the keys and arguments that every script takes first.
    pub(crate) fn call<'a>(&self, script: &'a Script, node: &str) -> ScriptCall<'a> {
        let mut call = script.call(&self.prefix);
        call.key(self.key("epoch")).key(self.key("nodes")).arg(&self.prefix).arg(node);
        call
    }

    /// Starts a call that also takes the keys of the holds of `node` and of its last reply.
    pub(crate) fn call_with_holds<'a>(&self, script: &'a Script, node: &str) -> ScriptCall<'a> {
        let mut call = self.call(script, node);
        for name in ["held_users", "held_channels", "held_connections", "reply"] {
            call.key(self.key_of(name, node));
        }
        call
    }

    /// Returns `true` if there is data under the prefix.
    pub(crate) fn has_data(&self, redis: &mut Connection) -> RedisResult<bool> {
        Ok(Stamp::of(redis, &self.prefix)?.schema.is_some())
    }

    /// Opens a session of `node`, over a connection to the process with `run_id` `server`. `new_id` becomes the id of a
    /// new epoch or a new settling. With `may_take_vacant`, data without an identity becomes this cluster's.
    pub(crate) fn enter(
        &self,
        redis: &mut Connection,
        node: &NodeId,
        new_id: &str,
        server: &str,
        past: Past,
        may_take_vacant: bool,
    ) -> RedisResult<Result<Entered, Closed>> {
        let mut call = self.call(&OPEN, node.as_str());
        call.key(self.key_of("reply", node.as_str())).key(self.key("unconfirmed")).key(self.key("owners"));
        call.arg(millis(self.lease)).arg(new_id).arg(server).arg(past as u8);
        self.own.add_to(&mut call);
        call.arg(u8::from(may_take_vacant));
        let (status, text, settling): (String, String, String) = call.invoke(redis)?;
        Ok(match status.as_str() {
            "ok" => Ok(Entered { epoch: text, settling }),
            "vacant" => Err(Closed::Vacant),
            mismatch => Err(Closed::Mismatch(self.own.mismatch(mismatch, &text))),
        })
    }

    /// Confirms to `settling` that Redis has all holds of the node, because the node has `restored` them or found
    /// nothing lost. If `settling` is empty, only polls for one.
    pub(crate) fn confirm(
        &self,
        redis: &mut Connection,
        node: &NodeId,
        known: &Acknowledged<'_>,
        settling: &str,
        restored: bool,
    ) -> RedisResult<Result<SettlingStatus, Refusal>> {
        let mut call = self.call(&CONFIRM, node.as_str());
        call.key(self.key_of("reply", node.as_str())).key(self.key("unconfirmed"));
        call.arg(known.epoch).arg(known.answered).arg(known.restored_for).arg(settling).arg(u8::from(restored));
        let (status, settling, lapsed): (String, String, u8) = call.invoke(redis)?;
        accepted(&status, 0).map(|result| result.map(|()| SettlingStatus { settling, lapsed: lapsed == 1 }))
    }

    /// Elects the node that audits the roster, for `time` from now. If it is this one, returns all nodes of the
    /// cluster.
    pub(crate) fn elect(
        &self,
        redis: &mut Connection,
        node: &NodeId,
        time: Duration,
    ) -> RedisResult<Option<Vec<String>>> {
        let mut call = self.call(&ELECT, node.as_str());
        let (elected, nodes): (u64, Vec<String>) = call.key(self.key("audit")).arg(millis(time)).invoke(redis)?;
        Ok((elected == 1).then_some(nodes))
    }

    /// Removes a node without holds from the cluster.
    pub(crate) fn bye(&self, redis: &mut Connection, node: &NodeId) -> RedisResult<()> {
        self.call_with_holds(&BYE, node.as_str()).invoke(redis)
    }
}
