//! Lua scripts, called by their hash.
//!
//! If Redis does not have a script, or the user may not call `EVALSHA`, the code is sent with `EVAL`, which also caches
//! it. `SCRIPT LOAD` is never needed.

use once_cell::race::OnceBox;
use redis::{
    Connection, ConnectionLike, ErrorKind, FromRedisValue, RedisError, RedisResult, ServerErrorKind, ToRedisArgs,
};

/// A Lua script and its hash.
#[derive(Debug)]
pub(crate) struct Script {
    parts: &'static [&'static str],
    /// Computed with the first call, without a lock: a child that is forked meanwhile computes it again.
    hash: OnceBox<String>,
}

/// A call of a script, with its keys and arguments.
#[derive(Debug)]
pub(crate) struct ScriptCall<'a> {
    script: &'a Script,
    keys: Vec<Vec<u8>>,
    unmoved: Option<String>,
    args: Vec<Vec<u8>>,
}

impl Script {
    /// Creates a script from the parts of its code. Many scripts share parts, and the binary has each part once.
    pub(crate) const fn new(parts: &'static [&'static str]) -> Self {
        Self { parts, hash: OnceBox::new() }
    }

    /// Returns the SHA-1 of the code in hexadecimal.
    pub(crate) fn hash(&self) -> &str {
        self.hash.get_or_init(|| Box::new(redis::Script::new(&self.parts.concat()).get_hash().to_owned()))
    }

    /// Starts a call without keys and arguments, on keys with this prefix.
    pub(crate) fn call(&self, key_prefix: &str) -> ScriptCall<'_> {
        ScriptCall { script: self, keys: Vec::new(), unmoved: key_of_unmoved_slot(key_prefix), args: Vec::new() }
    }

    /// Rewrites a packed `EVALSHA` of this script as an `EVAL` with the same keys and arguments.
    pub(crate) fn with_code(&self, evalsha: &[u8]) -> Vec<u8> {
        let called = format!("$7\r\nEVALSHA\r\n$40\r\n{}\r\n", self.hash());
        // Skips the number of words: `*12\r\n`.
        let begins = evalsha.iter().position(|byte| *byte == b'$').unwrap_or_default();
        let (count, rest) = evalsha.split_at(begins);
        let rest = rest.strip_prefix(called.as_bytes()).unwrap_or(rest);
        let code = self.parts.concat();
        let code = format!("$4\r\nEVAL\r\n${}\r\n{code}\r\n", code.len());
        [count, code.as_bytes(), rest].concat()
    }
}

impl ScriptCall<'_> {
    /// Adds a key.
    pub(crate) fn key(&mut self, key: impl ToRedisArgs) -> &mut Self {
        key.write_redis_args(&mut self.keys);
        self
    }

    /// Adds an argument.
    pub(crate) fn arg(&mut self, arg: impl ToRedisArgs) -> &mut Self {
        arg.write_redis_args(&mut self.args);
        self
    }

    /// Runs the script, with its code if Redis needs that.
    pub(crate) fn invoke<T: FromRedisValue>(&self, redis: &mut Connection) -> RedisResult<T> {
        let mut evalsha = redis::cmd("EVALSHA");
        let keys = self.keys.len() + usize::from(self.unmoved.is_some());
        evalsha.arg(self.script.hash()).arg(keys).arg(&self.keys).arg(&self.unmoved).arg(&self.args);
        let packed = evalsha.get_packed_command();
        let answer = match redis.req_packed_command(&packed).and_then(redis::Value::extract_error) {
            Err(error) if must_send_code(&error) => {
                redis.req_packed_command(&self.script.with_code(&packed))?.extract_error()?
            }
            answered => answered?,
        };
        Ok(T::from_redis_value(answer)?)
    }
}

/// Returns a further key that every script declares if the prefix is a hash tag, as on a Redis Cluster. It never exists.
///
/// While Redis moves a slot key by key, its server stops a script at the first key that it does not have, after the
/// writes before it. A missing key among those that the script declares makes it refuse the whole call instead
/// (`TRYAGAIN` or `ASK`).
pub(crate) fn key_of_unmoved_slot(key_prefix: &str) -> Option<String> {
    key_prefix.starts_with('{').then(|| format!("{key_prefix}:room"))
}

/// Returns `true` if Redis did not run the script because it does not have it, or because the user may not call
/// `EVALSHA`.
pub(crate) fn must_send_code(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
        || (error.code() == Some("NOPERM") && error.detail().is_some_and(|detail| detail.contains("'evalsha'")))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use proptest::prelude::*;

    use super::*;
    use crate::event::{AppId, partition_of};
    use crate::redis::slot_of;
    use crate::support::redis::RedisServer;
    use crate::support::wait::eventually;

    #[test]
    fn a_script_runs_with_eval_alone() {
        let server = RedisServer::start();
        let mut redis = server.connect();
        let script = Script::new(&["return {KEYS[1], ", "ARGV[1], ARGV[2]}"]);
        let mut call = script.call("wh");
        call.arg("a").arg(7).key("k");
        let run = |redis: &mut Connection| call.invoke::<(String, String, u8)>(redis);
        let answer = ("k".to_owned(), "a".to_owned(), 7);
        for rights in [["+eval", "+evalsha"], ["+eval", "-evalsha"]] {
            redis::cmd("SCRIPT").arg("FLUSH").exec(&mut redis).unwrap();
            redis::cmd("ACL")
                .arg(&["SETUSER", "u", "reset", "on", "nopass", "~*"])
                .arg(&rights)
                .exec(&mut redis)
                .unwrap();
            let mut user = server.connect();
            redis::cmd("AUTH").arg(&["u", ""]).exec(&mut user).unwrap();
            assert_eq!(run(&mut user), Ok(answer.clone()), "{rights:?}");
            assert_eq!(run(&mut user), Ok(answer.clone()), "{rights:?}");
        }
    }

    #[test]
    fn a_script_does_not_start_while_its_slot_is_being_moved() {
        let servers = [RedisServer::start_in_cluster(&[], &[]), RedisServer::start_in_cluster(&[], &[])];
        let [mut redis, mut other] = [servers[0].connect(), servers[1].connect()];
        let cluster = |words: &[&str]| {
            let mut cluster = redis::cmd("CLUSTER");
            cluster.arg(words);
            cluster
        };
        cluster(&["MEET", "127.0.0.1", &servers[1].port().to_string()]).exec(&mut redis).unwrap();
        let slots: Vec<String> = (0..16_384).map(|slot| slot.to_string()).collect();
        cluster(&["ADDSLOTS"]).arg(slots).exec(&mut redis).unwrap();
        let mut set = redis::cmd("SET");
        set.arg("{wh:0}:epoch").arg("as before");
        eventually("a working cluster", || set.exec(&mut redis).ok());
        let target: String = cluster(&["MYID"]).query(&mut other).unwrap();
        let slot = slot_of("{wh:0}").to_string();
        let moves = cluster(&["SETSLOT", &slot, "MIGRATING", &target]);
        eventually("a migration", || moves.exec(&mut redis).ok());

        let script = Script::new(&["redis.call('SET', KEYS[1], ARGV[1]) return redis.call('GET', '{wh:0}:moved')"]);
        let mut run = |key_prefix| {
            let mut call = script.call(key_prefix);
            call.key("{wh:0}:epoch").arg("changed");
            let error = call.invoke::<()>(&mut redis).unwrap_err();
            (error, redis::cmd("GET").arg("{wh:0}:epoch").query::<String>(&mut redis).unwrap())
        };
        let (error, epoch) = run("{wh:0}");
        // Redis 6.2 answers with ASK.
        assert!(matches!(error.code(), Some("TRYAGAIN" | "ASK")), "{error}");
        assert_eq!(epoch, "as before");
        // Without the further key, the script stops after its first write.
        assert_eq!(run("wh").1, "changed");
    }

    #[test]
    fn rust_and_lua_compute_the_same_partition() {
        let redis = RedisServer::start();
        let connection = RefCell::new(redis.connect());
        let lua = concat!(
            include_str!("scripts/append.lua"),
            "set_partitions(ARGV[2]) return home_of(ARGV[3], ARGV[4], name_of(ARGV[3], ARGV[4]))"
        );
        let script = redis::Script::new(lua);
        proptest!(ProptestConfig::with_cases(64), |(app: Vec<u8>, channel: Vec<u8>, partitions in 1_u16..=64)| {
            let mut call = script.prepare_invoke();
            call.arg("wh").arg(partitions).arg(&app[..]).arg(&channel[..]);
            let there: u16 = call.invoke(&mut *connection.borrow_mut()).unwrap();
            prop_assert_eq!(partition_of(&AppId::new(&app), &channel, partitions), there);
        });
    }
}
