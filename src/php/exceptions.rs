//! Throws the exceptions of the Composer package.
//!
//! The exceptions are PHP classes, because PHP code could not instantiate native ones. If the package is not installed, the
//! closest built-in class is thrown.

use std::fmt::Display;

use ext_php_rs::exception::PhpException;
use ext_php_rs::zend::{ClassEntry, ce};

use crate::admin::PresenceError;
use crate::outbox::SendError;
use crate::redis::ClientError;

/// Returns the exception for an invalid configuration. The message names the key.
pub(super) fn invalid_config(error: impl Display) -> PhpException {
    exception("InvalidConfig", "InvalidArgumentException", error)
}

/// Returns the exception for an engine that could not be started.
pub(super) fn engine_failed(error: impl Display) -> PhpException {
    exception("EngineFailed", "RuntimeException", error)
}

/// Returns the exception for an event of the application's own that was not sent.
pub(super) fn unsent(error: SendError) -> PhpException {
    let (class, fallback) = match error {
        SendError::Name(_) | SendError::NamelessChannel => ("InvalidEvent", "InvalidArgumentException"),
        SendError::QueueFull => ("QueueFull", "RuntimeException"),
        SendError::NotRunning => ("ServerNotRunning", "RuntimeException"),
        SendError::Excluded(_) | SendError::Redis { .. } | SendError::Unanswered { .. } => {
            ("EventNotSent", "RuntimeException")
        }
    };
    exception(class, fallback, error)
}

/// Returns the exception for a Redis that is unavailable, refuses a command or has to be set up differently.
pub(super) fn redis_failed(error: ClientError) -> PhpException {
    let class = if error.needs_setup() { "RedisMisconfigured" } else { "RedisFailed" };
    exception(class, "RuntimeException", error)
}

/// Returns the exception for a question about presence that has no answer.
pub(super) fn unanswered(error: PresenceError) -> PhpException {
    let (class, fallback) = match error {
        PresenceError::Redis(error) => return redis_failed(error),
        PresenceError::Absent(_) | PresenceError::Restoring | PresenceError::Moved => {
            ("RedisFailed", "RuntimeException")
        }
        PresenceError::Excluded(_) | PresenceError::Suspended(_) => ("RedisMisconfigured", "RuntimeException"),
        PresenceError::Ignored(_) | PresenceError::NotCounted(_) => ("NotTracked", "LogicException"),
    };
    exception(class, fallback, error)
}

/// Returns an exception of this class of the package, or of the built-in class `fallback` without the package.
pub(super) fn exception(class: &str, fallback: &str, error: impl Display) -> PhpException {
    let own = ClassEntry::try_find(&format!("Webpatser\\ResonateWebhooks\\Exceptions\\{class}"));
    let class = own.or_else(|| ClassEntry::try_find(fallback)).unwrap_or_else(ce::exception);
    // ext-php-rs cannot throw a message with a NUL byte.
    PhpException::new(error.to_string().replace('\0', "\\0"), 0, class)
}
