//! Errors of Redis, classified by what has to be done about them.

use std::time::{Duration, Instant};

use redis::{ErrorKind, RedisError, ServerErrorKind};
use thiserror::Error;

use super::foreign::ForeignKey;
use super::server::Unfit;
use crate::config::ROOT;
use crate::telemetry::RedisFault;

/// Longest part of a server message that is shown in a log line, in characters.
const LONGEST_REASON: usize = 300;

/// Why a call failed. The texts contain no secret and no line break.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The previous attempt failed a moment ago, so nothing was sent. Retry at this instant.
    #[error("the next attempt has to wait")]
    NotYet(Instant),
    /// The connection failed or broke. Redis may or may not have executed the call: retry the same call.
    #[error("unreachable ({0})")]
    Unreachable(String),
    /// Redis does not have the script, after a restart or `SCRIPT FLUSH`: load it and retry.
    #[error("the script is not loaded")]
    NoScript,
    /// Redis is up but cannot execute the call now: it loads its data or fails over. Retry the same call.
    #[error("is unavailable ({0})")]
    Unavailable(String),
    /// Redis accepts no writes now, and executed nothing. Retry the same call.
    #[error("accepts no writes ({reason}): {}; {}", .cause.remedy(), .cause.meanwhile())]
    TakesNoWrites {
        /// The cause.
        cause: WriteRefusal,
        /// The server's message.
        reason: String,
    },
    /// The user lacks a right, and Redis executed nothing. Only the operator can fix that; keep retrying the same call.
    #[error("forbids a call ({0}): grant its user that right; docs/configuration.md lists all of them")]
    Forbidden(String),
    /// Redis wants a login, or a different one. Only the operator can fix that; keep retrying the same call.
    #[error("refuses the connection ({reason}): check {ROOT}.connection.{key}")]
    Refused {
        /// The server's message.
        reason: String,
        /// The connection setting to check.
        key: &'static str,
    },
    /// The server cannot be used, and was not.
    #[error("cannot be used: {0}")]
    Unfit(Unfit),
    /// A key that the call uses has a foreign type, and nothing was executed. Only the operator can fix that.
    #[error("rejects a call: {}", explain(.keys, .reason))]
    WrongType {
        /// The server's message, which does not name the key.
        reason: String,
        /// The foreign keys that were found.
        keys: Vec<ForeignKey>,
    },
    /// Redis rejected the call itself, so a retry does not help: a bug, or a server that is too old or too different.
    #[error("rejects a call ({0})")]
    Rejected(String),
}

/// Why Redis accepts no writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteRefusal {
    /// `maxmemory` is reached and nothing may be evicted. Redis still executes scripts whose first write needs no
    /// memory.
    Full,
    /// The last attempt to save the data to disk failed.
    NotSaved,
    /// The server has fewer replicas than `min-replicas-to-write`.
    TooFewReplicas,
}

impl WriteRefusal {
    /// Returns the advice for the operator.
    pub(crate) const fn remedy(self) -> &'static str {
        match self {
            Self::Full => "raise its maxmemory or free memory",
            Self::NotSaved => "see its log for what keeps it from saving (a full disk?)",
            Self::TooFewReplicas => "bring its replicas back or lower min-replicas-to-write",
        }
    }

    /// Returns what nodes do until it is fixed.
    const fn meanwhile(self) -> &'static str {
        match self {
            Self::Full => "deliveries go on, new events wait",
            Self::NotSaved | Self::TooFewReplicas => "batches are sent without being persisted, new events wait",
        }
    }
}

impl LinkError {
    /// Classifies `error`, which occurred on a connection with this timeout.
    pub(super) fn sort(error: &RedisError, timeout: Duration) -> Self {
        if let Some((code, detail)) = server_error(error) {
            return Self::answered(&code, &detail);
        }
        let reason = if error.is_timeout() {
            format!("no answer within {} s", timeout.as_secs_f64())
        } else {
            printable(&error.to_string())
        };
        Self::Unreachable(reason)
    }

    /// Classifies an error as a script receives it: its code, a space and the rest.
    pub(crate) fn of_reply(text: &str) -> Self {
        let (code, detail) = Self::unwrap_script(text).unwrap_or(text).split_once(' ').unwrap_or((text, ""));
        Self::answered(code, detail)
    }

    /// Returns the inner error of a script error that Redis before version 7 has wrapped: `Error running script (call
    /// to …): @user_script:1: @user_script: 1: -OOM command not allowed …`. `None` for other errors.
    fn unwrap_script(text: &str) -> Option<&str> {
        let (_, inner) = text.rsplit_once("@user_script")?;
        Some(inner.trim_start_matches(|c: char| c.is_ascii_digit() || ":- ".contains(c)))
    }

    /// Classifies an error reply of the server by its code.
    fn answered(code: &str, detail: &str) -> Self {
        let reason = printable(&format!("{code} {detail}"));
        match code {
            "NOSCRIPT" => Self::NoScript,
            "OOM" => Self::TakesNoWrites { cause: WriteRefusal::Full, reason },
            "MISCONF" => Self::TakesNoWrites { cause: WriteRefusal::NotSaved, reason },
            "NOREPLICAS" => Self::TakesNoWrites { cause: WriteRefusal::TooFewReplicas, reason },
            "READONLY" => Self::Unavailable(format!("{reason} If this lasts, connect to its master")),
            "LOADING" | "BUSY" | "MASTERDOWN" | "CLUSTERDOWN"
            // A blocked read ends with this error when its server becomes a replica.
            | "UNBLOCKED" => Self::Unavailable(reason),
            "MOVED" => Self::Unavailable(format!("{reason}: another server of the cluster has our slot")),
            "TRYAGAIN" | "ASK" => Self::Unavailable(format!("{reason}: the cluster is moving our slot to another server")),
            "NOPERM" => Self::Forbidden(reason),
            // A script lacks a right. The second text is that of Redis before version 7.
            "ERR"
                if detail.contains("ACL failure in script")
                    || detail.contains("The user executing the script can't") =>
            {
                Self::Forbidden(reason)
            }
            "WRONGTYPE" => Self::WrongType { reason, keys: Vec::new() },
            "NOAUTH" | "WRONGPASS" | "DENIED" => Self::Refused { reason, key: "password" },
            "ERR" if detail.contains("max number of clients") => Self::Unavailable(reason),
            "ERR" if detail.starts_with("Error running script") => match Self::unwrap_script(detail) {
                Some(inner) if !inner.starts_with("ERR") => Self::of_reply(inner),
                _ => Self::Rejected(reason),
            },
            _ => Self::Rejected(reason),
        }
    }

    /// Returns `true` if the connection can be used again after this error. After `READONLY` it cannot: a demoted
    /// master returns that forever, and only a new connection finds the new master. After the other temporary errors a
    /// new connection costs little.
    pub(super) const fn spares_connection(&self) -> bool {
        matches!(
            self,
            Self::NotYet(_)
                | Self::NoScript
                | Self::Rejected(_)
                | Self::WrongType { .. }
                | Self::TakesNoWrites { .. }
                | Self::Forbidden(_)
        )
    }

    /// Returns `true` if Redis answered and its setup, or the connection settings, must change first. The message says how.
    pub(super) fn needs_setup(&self) -> bool {
        match self {
            Self::Unfit(_) | Self::Forbidden(_) | Self::Refused { .. } => true,
            Self::WrongType { keys, .. } => !keys.is_empty(),
            _ => false,
        }
    }

    /// Returns the fault that this error is counted as.
    pub(super) fn fault(&self) -> RedisFault {
        match self {
            Self::NotYet(_) | Self::NoScript | Self::Rejected(_) => RedisFault::Rejected,
            Self::Unreachable(_) => RedisFault::Unreachable,
            Self::Unavailable(reason) if reason.starts_with("READONLY") => RedisFault::ReadOnly,
            Self::Unavailable(_) => RedisFault::Unavailable,
            Self::TakesNoWrites { cause, .. } => match cause {
                WriteRefusal::Full => RedisFault::Full,
                WriteRefusal::NotSaved => RedisFault::NotSaved,
                WriteRefusal::TooFewReplicas => RedisFault::TooFewReplicas,
            },
            Self::Forbidden(_) => RedisFault::Forbidden,
            Self::Refused { .. } => RedisFault::Login,
            Self::Unfit(unfit) => match unfit {
                Unfit::TooOld(_) => RedisFault::TooOld,
                Unfit::Cluster | Unfit::NoCluster | Unfit::Sentinel => RedisFault::WrongMode,
                Unfit::Replica | Unfit::Demoted => RedisFault::ReadOnly,
                Unfit::UndeclaredKeys(_) | Unfit::Scripts(_) => RedisFault::Scripts,
            },
            Self::WrongType { .. } => RedisFault::WrongType,
        }
    }

    /// Returns what Redis named when the user lacked a right: a command, the text between quotes.
    pub(super) fn right(&self) -> Option<&str> {
        match self {
            Self::Forbidden(reason) => Some(reason.split('\'').nth(1).unwrap_or_default()),
            _ => None,
        }
    }

    /// Turns a rejection into a refusal on account of the setting `key`, for calls that send that setting's value.
    pub(super) fn blame(self, key: &'static str) -> Self {
        match self {
            Self::Rejected(reason) | Self::Forbidden(reason) => Self::Refused { reason, key },
            other => other,
        }
    }
}

/// Returns `true` if the server replied with the error, so that the connection is intact.
pub(super) fn is_answer(error: &RedisError) -> bool {
    server_error(error).is_some()
}

/// Returns the code and the rest of an error reply; of a pipeline, those of its first error.
fn server_error(error: &RedisError) -> Option<(String, String)> {
    let text = |detail: Option<&str>| detail.unwrap_or_default().to_owned();
    if let Some(errors) = error.clone().into_server_errors() {
        return errors.first().map(|(_, error)| (error.code().to_owned(), text(error.details())));
    }
    match error.kind() {
        ErrorKind::Server(ServerErrorKind::ResponseError) => Some(("ERR".to_owned(), text(error.detail()))),
        _ => None,
    }
}

/// Describes the keys that explain a refusal, or repeats the server's message if there are none.
fn explain(keys: &[ForeignKey], reason: &str) -> String {
    if keys.is_empty() {
        return format!("({reason})");
    }
    keys.iter().map(ForeignKey::to_string).collect::<Vec<_>>().join("; ")
}

/// Returns `text` on one line, limited in length.
fn printable(text: &str) -> String {
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_REASON).collect()
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn sorted(reply: &str) -> LinkError {
        let error = redis::parse_redis_value(format!("-{reply}\r\n").as_bytes()).unwrap().extract_error().unwrap_err();
        LinkError::sort(&error, Duration::from_secs(5))
    }

    #[test]
    fn a_temporary_condition_is_unavailable() {
        for reply in [
            "LOADING Redis is loading the dataset in memory",
            "BUSY Redis is busy running a script.",
            "MASTERDOWN Link with MASTER is down",
        ] {
            assert_eq!(sorted(reply), LinkError::Unavailable(reply.to_owned()));
        }
    }

    #[test]
    fn a_slot_that_moves_is_said_by_name() {
        let moves = "the cluster is moving our slot to another server";
        for (reply, reason) in [
            ("MOVED 866 10.0.0.2:7001", "another server of the cluster has our slot"),
            ("ASK 866 10.0.0.2:7001", moves),
            ("TRYAGAIN Multiple keys request during rehashing of slot", moves),
        ] {
            let error = sorted(reply);
            assert_eq!(error, LinkError::Unavailable(format!("{reply}: {reason}")));
            assert!(!error.spares_connection());
        }
        let down = "CLUSTERDOWN The cluster is down";
        assert_eq!(sorted(down), LinkError::Unavailable(down.to_owned()));
    }

    #[test]
    fn each_write_refusal_has_its_own_remedy() {
        for (reply, cause, remedy) in [
            ("OOM command not allowed when used memory > 'maxmemory'.", WriteRefusal::Full, "maxmemory"),
            ("MISCONF Redis is configured to save RDB snapshots", WriteRefusal::NotSaved, "disk"),
            ("NOREPLICAS Not enough good replicas to write.", WriteRefusal::TooFewReplicas, "min-replicas-to-write"),
        ] {
            let error = sorted(reply);
            assert_eq!(error, LinkError::TakesNoWrites { cause, reason: reply.to_owned() });
            let text = error.to_string();
            assert!(text.split_once("): ").is_some_and(|(_, advice)| advice.contains(remedy)), "{text}");
            assert!(error.spares_connection());
        }
    }

    #[test]
    fn a_missing_right_is_reported_as_redis_named_it() {
        for reply in [
            "NOPERM User u has no permissions to run the 'xreadgroup' command",
            "ERR ACL failure in script: User u has no permissions to run the 'xadd' command script: 67, on @user_script:1.",
            "ERR Error running script (call to f_9): @user_script:1: @user_script: 1: The user executing the script can't \
             run this command or subcommand",
        ] {
            assert_eq!(sorted(reply), LinkError::Forbidden(reply.to_owned()));
        }
    }

    #[test]
    fn a_demoted_master_loses_its_connection() {
        let error = sorted("READONLY You can't write against a read only replica.");
        assert!(matches!(error, LinkError::Unavailable(_)), "{error:?}");
        assert!(!error.spares_connection());
    }

    #[test]
    fn a_blocked_read_that_a_demotion_ends_loses_its_connection() {
        let reply = "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)";
        let error = sorted(reply);
        assert_eq!(error, LinkError::Unavailable(reply.to_owned()));
        assert!(!error.spares_connection());
    }

    #[test]
    fn a_login_problem_is_a_refusal() {
        for reply in ["NOAUTH Authentication required.", "WRONGPASS invalid username-password pair"] {
            assert_eq!(sorted(reply), LinkError::Refused { reason: reply.to_owned(), key: "password" });
        }
    }

    #[test]
    fn a_setting_that_the_server_rejects_is_blamed() {
        assert_eq!(
            sorted("ERR DB index is out of range").blame("database").to_string(),
            "refuses the connection (ERR DB index is out of range): check resonate-webhooks.connection.database"
        );
        let passing = sorted("LOADING Redis is loading the dataset in memory");
        assert_eq!(passing.clone().blame("database"), passing);
    }

    #[test]
    fn a_lost_script_does_not_count_against_the_connection() {
        let error = sorted("NOSCRIPT No matching script. Please use EVAL.");
        assert_eq!(error, LinkError::NoScript);
        assert!(error.spares_connection());
    }

    #[test]
    fn a_bug_in_a_script_is_rejected_in_one_line() {
        let error = sorted("ERR user_script:1: attempt to index a nil value\tscript: f00");
        assert_eq!(
            error,
            LinkError::Rejected("ERR user_script:1: attempt to index a nil value script: f00".to_owned())
        );
    }

    #[test]
    fn errors_that_redis_six_wraps_are_unwrapped() {
        let wrapped = "ERR Error running script (call to f_9): @user_script:1: -OOM command not allowed";
        let reason = "OOM command not allowed".to_owned();
        assert_eq!(sorted(wrapped), LinkError::TakesNoWrites { cause: WriteRefusal::Full, reason });
        let twice = "ERR Error running script (call to f_9): @user_script:1: @user_script: 1: -OOM command not allowed";
        assert_eq!(sorted(twice), sorted(wrapped));
        assert_eq!(LinkError::of_reply("@user_script: 1: -OOM command not allowed"), sorted(wrapped));
        let foreign = "ERR Error running script (call to f_9): @user_script:1: WRONGTYPE Operation against a key";
        assert!(matches!(sorted(foreign), LinkError::WrongType { .. }));
        let bug = "ERR Error running script (call to f_9): @user_script:1: -ERR wrong number of arguments";
        assert!(matches!(sorted(bug), LinkError::Rejected(_)));
    }

    #[test]
    fn a_broken_or_silent_connection_is_unreachable() {
        let silent = RedisError::from(io::Error::from(io::ErrorKind::WouldBlock));
        let timeout = Duration::from_millis(2500);
        assert_eq!(LinkError::sort(&silent, timeout), LinkError::Unreachable("no answer within 2.5 s".to_owned()));
        let broken = RedisError::from(io::Error::from(io::ErrorKind::ConnectionReset));
        assert_eq!(LinkError::sort(&broken, timeout), LinkError::Unreachable("connection reset".to_owned()));
    }
}
