//! Asks a connection what it leads to. [`server`](super::server) judges the answers.

use std::sync::LazyLock;
use std::time::Duration;

use redis::{Connection, ErrorKind, RedisError, RedisResult, Value};

use super::failure::{LinkError, is_answer};
use super::script::Script;
use super::server::{Role, Scripts, Server, Unfit, field};

static PROBE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/probe.lua")));

/// Puts the script together, before there are threads: a child of this process might inherit it half-done.
pub(super) fn put_together() {
    LazyLock::force(&PROBE);
}

/// Looks whether the server behind a new connection can serve. Returns the id of its process, which another one has after a
/// restart or a failover; `None` when it does not tell.
///
/// # Errors
/// [`LinkError::Unfit`] when it cannot; [`LinkError::Unreachable`] when the connection breaks.
pub(super) fn look_at(
    redis: &mut Connection,
    key_prefix: &str,
    timeout: Duration,
) -> Result<Option<String>, LinkError> {
    let ask = |redis: &mut Connection| {
        let info = answered(redis::cmd("INFO").query::<Vec<u8>>(redis))?;
        let info = info.map(|info| String::from_utf8_lossy(&info).into_owned());
        Ok(Server { info, role: role(redis)?, scripts: scripts(redis, key_prefix, timeout)? })
    };
    let server = ask(redis).map_err(|error| LinkError::sort(&error, timeout))?;
    server.judge().map_err(LinkError::Unfit)?;
    Ok(server.info.as_deref().and_then(|info| field(info, "run_id")).map(str::to_owned))
}

/// Looks whether the server still is a master. Where `ROLE` is forbidden, a write that changes nothing shows it.
///
/// # Errors
/// When the connection breaks.
pub(super) fn still_serves(
    redis: &mut Connection,
    key_prefix: &str,
    timeout: Duration,
) -> RedisResult<Result<(), Unfit>> {
    match role(redis)? {
        Some(role) => Ok(role.judge()),
        None => Ok(match scripts(redis, key_prefix, timeout)? {
            Scripts::ReadOnly => Err(Unfit::Replica),
            _ => Ok(()),
        }),
    }
}

/// Looks whether the server is still there: any answer shows that.
///
/// # Errors
/// When the connection breaks.
pub(super) fn is_there(redis: &mut Connection) -> RedisResult<()> {
    answered(redis::cmd("PING").exec(redis)).map(drop)
}

/// What a question was answered with: nothing when the server refused the answer, as an ACL makes it do.
///
/// # Errors
/// When the connection breaks.
pub(crate) fn answered<T>(result: RedisResult<T>) -> RedisResult<Option<T>> {
    match result {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if is_answer(&error) || error.kind() == ErrorKind::UnexpectedReturnType => Ok(None),
        Err(error) => Err(error),
    }
}

fn role(redis: &mut Connection) -> RedisResult<Option<Role>> {
    let answer: Option<Vec<Value>> = answered(redis::cmd("ROLE").query(redis))?;
    Ok(match answer.as_deref().and_then(<[Value]>::first) {
        Some(Value::BulkString(name)) => Role::read(&String::from_utf8_lossy(name)),
        Some(Value::SimpleString(name)) => Role::read(name),
        _ => None,
    })
}

fn scripts(redis: &mut Connection, key_prefix: &str, timeout: Duration) -> RedisResult<Scripts> {
    let key = |name: &str| format!("{key_prefix}:{name}");
    let mut probe = PROBE.call();
    probe.key(key("epoch")).key(key("nodes")).arg(key("probe"));
    match probe.invoke::<i64>(redis) {
        Ok(_) => Ok(Scripts::Run),
        Err(error) => refusal(error, timeout),
    }
}

/// What the server means by refusing the probe. What it refuses to this user, or only now, says nothing of scripts.
fn refusal(error: RedisError, timeout: Duration) -> RedisResult<Scripts> {
    match LinkError::sort(&error, timeout) {
        LinkError::Unreachable(_) => Err(error),
        LinkError::Unavailable(reason) if reason.starts_with("READONLY") => Ok(Scripts::ReadOnly),
        // It runs as far as a foreign value under our key.
        LinkError::WrongType { .. } => Ok(Scripts::Run),
        LinkError::Rejected(reason) => Ok(Scripts::Refused(reason)),
        _ => Ok(Scripts::Unknown),
    }
}
