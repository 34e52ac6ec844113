//! Examines the server behind a connection. [`server`](super::server) judges the replies.

use std::time::Duration;

use redis::{Connection, ErrorKind, FromRedisValue, RedisError, RedisResult, Value};

use super::code::code;
use super::failure::{LinkError, is_answer};
use super::script::Script;
use super::server::{Server, Unfit, field, judge_role};

static PROBE: Script = Script::new(&[code!("scripts/probe.lua")]);

/// Checks that the server behind a new connection can be used. Returns its `run_id`, which changes with a restart or a
/// failover; `None` if the server does not report it.
///
/// # Errors
/// [`LinkError::Unfit`] if it cannot be used; [`LinkError::Unreachable`] if the connection breaks.
pub(super) fn examine(
    redis: &mut Connection,
    key_prefix: &str,
    in_cluster: bool,
    timeout: Duration,
) -> Result<Option<String>, LinkError> {
    let collect = |redis: &mut Connection| {
        let info = answered(redis::cmd("INFO").query::<Vec<u8>>(redis))?;
        let info = info.map(|info| String::from_utf8_lossy(&info).into_owned());
        Ok(Server { info, role: role(redis)?, scripts: scripts(redis, key_prefix, timeout)? })
    };
    let server = collect(redis).map_err(|error| LinkError::sort(&error, timeout))?;
    server.judge(in_cluster).map_err(LinkError::Unfit)?;
    Ok(server.info.as_deref().and_then(|info| field(info, "run_id")).map(str::to_owned))
}

/// Checks that the server is still a master. Where `ROLE` is forbidden, it tries a write that changes nothing.
///
/// # Errors
/// If the connection breaks.
pub(super) fn check_role(
    redis: &mut Connection,
    key_prefix: &str,
    timeout: Duration,
) -> RedisResult<Result<(), Unfit>> {
    match role(redis)? {
        Some(judged) => Ok(judged),
        None => Ok(scripts(redis, key_prefix, timeout)?.or_else(|unfit| match unfit {
            Unfit::Replica => Err(unfit),
            _ => Ok(()),
        })),
    }
}

/// Checks that the server is still there. Any reply proves that.
///
/// # Errors
/// If the connection breaks.
pub(super) fn ping(redis: &mut Connection) -> RedisResult<()> {
    answered(redis::cmd("PING").exec(redis)).map(drop)
}

/// Returns the reply, or `None` if the server refused to reply, as under an ACL.
///
/// # Errors
/// If the connection breaks.
pub(crate) fn answered<T>(result: RedisResult<T>) -> RedisResult<Option<T>> {
    match result {
        Ok(reply) => Ok(Some(reply)),
        Err(error) if is_answer(&error) || error.kind() == ErrorKind::UnexpectedReturnType => Ok(None),
        Err(error) => Err(error),
    }
}

fn role(redis: &mut Connection) -> RedisResult<Option<Result<(), Unfit>>> {
    let reply: Option<Vec<Value>> = answered(redis::cmd("ROLE").query(redis))?;
    let name = reply.and_then(|fields| String::from_redis_value(fields.into_iter().next()?).ok());
    Ok(name.and_then(|name| judge_role(&name)))
}

/// Runs the probe script. Returns why the server cannot be used, if its answer says so.
fn scripts(redis: &mut Connection, key_prefix: &str, timeout: Duration) -> RedisResult<Result<(), Unfit>> {
    let key = |name: &str| format!("{key_prefix}:{name}");
    let mut probe = PROBE.call(key_prefix);
    probe.key(key("epoch")).key(key("nodes")).arg(key("probe"));
    match probe.invoke::<i64>(redis) {
        Ok(_) => Ok(Ok(())),
        Err(error) => refusal(error, timeout),
    }
}

/// Interprets the error of the probe. A refusal that applies to this user, or only for now, does not mean that scripts
/// cannot run.
fn refusal(error: RedisError, timeout: Duration) -> RedisResult<Result<(), Unfit>> {
    match LinkError::sort(&error, timeout) {
        LinkError::Unreachable(_) => Err(error),
        LinkError::Unavailable(reason) if reason.starts_with("READONLY") => Ok(Err(Unfit::Replica)),
        // An old master that is cut off says that for as long as it is. The others may have a new one.
        LinkError::Unavailable(reason) if reason.starts_with("CLUSTERDOWN") => Err(error),
        LinkError::Rejected(reason) => Ok(Err(Unfit::refusing_scripts(reason))),
        // The script ran until it met a foreign value under our key, or the first real call will report why it did not run.
        _ => Ok(Ok(())),
    }
}
