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
    exception("Webpatser\\ResonateWebhooks\\Exceptions\\InvalidConfig", "InvalidArgumentException", error)
}

/// Returns the exception for an engine that could not be started.
pub(super) fn engine_failed(error: impl Display) -> PhpException {
    exception("Webpatser\\ResonateWebhooks\\Exceptions\\EngineFailed", "RuntimeException", error)
}

/// Returns the exception for an event of the application's own that was not sent.
pub(super) fn unsent(error: SendError) -> PhpException {
    match error {
        SendError::Name(_) | SendError::NamelessChannel => {
            exception("Webpatser\\ResonateWebhooks\\Exceptions\\InvalidEvent", "InvalidArgumentException", error)
        }
        SendError::QueueFull => {
            exception("Webpatser\\ResonateWebhooks\\Exceptions\\QueueFull", "RuntimeException", error)
        }
        SendError::NotRunning => {
            exception("Webpatser\\ResonateWebhooks\\Exceptions\\ServerNotRunning", "RuntimeException", error)
        }
        SendError::Excluded(_) | SendError::Redis { .. } | SendError::Unanswered { .. } => {
            exception("Webpatser\\ResonateWebhooks\\Exceptions\\EventNotSent", "RuntimeException", error)
        }
    }
}

/// Returns the exception for a Redis that is unavailable, refuses a command or has to be set up differently.
pub(super) fn redis_failed(error: ClientError) -> PhpException {
    if error.needs_setup() {
        exception("Webpatser\\ResonateWebhooks\\Exceptions\\RedisMisconfigured", "RuntimeException", error)
    } else {
        exception("Webpatser\\ResonateWebhooks\\Exceptions\\RedisFailed", "RuntimeException", error)
    }
}

/// Returns the exception for a question about presence that has no answer.
pub(super) fn unanswered(error: PresenceError) -> PhpException {
    match error {
        PresenceError::Redis(error) => redis_failed(error),
        PresenceError::Absent(_) | PresenceError::Restoring | PresenceError::Moved => {
            exception("Webpatser\\ResonateWebhooks\\Exceptions\\RedisFailed", "RuntimeException", error)
        }
        PresenceError::Excluded(_) | PresenceError::Suspended(_) => {
            exception("Webpatser\\ResonateWebhooks\\Exceptions\\RedisMisconfigured", "RuntimeException", error)
        }
        PresenceError::Ignored(_) | PresenceError::NotCounted(_) => {
            exception("Webpatser\\ResonateWebhooks\\Exceptions\\NotTracked", "LogicException", error)
        }
    }
}

/// Returns the exception for data in Redis with a newer schema.
pub(super) fn newer_schema(error: impl Display) -> PhpException {
    exception("Webpatser\\ResonateWebhooks\\Exceptions\\RedisFailed", "RuntimeException", error)
}

fn exception(class: &str, fallback: &str, error: impl Display) -> PhpException {
    let class = ClassEntry::try_find(class).or_else(|| ClassEntry::try_find(fallback)).unwrap_or_else(ce::exception);
    PhpException::new(error.to_string(), 0, class)
}
