//! The Composer package's exceptions, thrown from here.
//!
//! They are PHP classes, since a native exception could not be instantiated by PHP code. Where the package is not
//! installed, PHP's own nearest class is thrown.

use std::fmt::Display;

use ext_php_rs::exception::PhpException;
use ext_php_rs::zend::{ClassEntry, ce};

use crate::outbox::SendError;

/// The configuration cannot be used; the message names the key.
pub(super) fn invalid_config(error: impl Display) -> PhpException {
    exception("Webpatser\\ResonateWebhooks\\Exceptions\\InvalidConfig", "InvalidArgumentException", error)
}

/// The engine could not be started.
pub(super) fn engine_failed(error: impl Display) -> PhpException {
    exception("Webpatser\\ResonateWebhooks\\Exceptions\\EngineFailed", "RuntimeException", error)
}

/// An event of the application's own was not sent.
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

/// Redis could not be asked, or refused.
pub(super) fn redis_failed(error: impl Display) -> PhpException {
    exception("Webpatser\\ResonateWebhooks\\Exceptions\\RedisFailed", "RuntimeException", error)
}

fn exception(class: &str, fallback: &str, error: impl Display) -> PhpException {
    let class = ClassEntry::try_find(class).or_else(|| ClassEntry::try_find(fallback)).unwrap_or_else(ce::exception);
    PhpException::new(error.to_string(), 0, class)
}
