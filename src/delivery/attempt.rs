//! One attempt to send a batch, and its result.

use std::sync::Arc;
use std::time::Duration;

use super::batch::Batch;
use crate::outbox::{LaneId, PersistError};
use crate::telemetry::AnswerExcerpt;

/// The maximum length of a stored error.
const MAX_ERROR_CHARS: usize = 200;

/// An attempt that a worker makes.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    /// The lane's place in the scheduler, for the result.
    pub(crate) lane: usize,
    /// The lane's id in the outbox.
    pub(crate) id: LaneId,
    /// The batch to send.
    pub(crate) batch: Arc<Batch>,
    /// Interrupts the attempt after this time, if it is shorter than the endpoint's timeout.
    pub(crate) limit: Option<Duration>,
}

/// An attempt that has ended.
#[derive(Clone, Debug)]
pub(crate) struct EndedAttempt {
    pub(crate) result: AttemptResult,
    /// The beginning of the answer, if the attempt failed and it is kept.
    pub(crate) answer: Option<AnswerExcerpt>,
    /// The duration of the request; zero if nothing was sent.
    pub(crate) took: Duration,
}

/// Ends an attempt in which nothing was sent.
impl From<AttemptResult> for EndedAttempt {
    fn from(result: AttemptResult) -> Self {
        Self { result, answer: None, took: Duration::ZERO }
    }
}

/// The result of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AttemptResult {
    /// The endpoint answered with this HTTP status and may request a wait.
    Status { status: u16, retry_after: Option<Duration> },
    /// Something in front of the receiver answered this, such as the Lambda service, and may request a wait.
    Refused { reason: String, retry_after: Option<Duration> },
    /// The batch is too large for the receiver, which answered this.
    TooLarge(String),
    /// No answer arrived, for this reason.
    Failed(String),
    /// The attempt was interrupted before the endpoint's timeout, so that another endpoint gets the worker.
    Interrupted,
    /// Not sent: the application's secret is unknown.
    UnknownApplication,
    /// Not sent: the dead letter was deleted.
    Forgotten,
    /// Not sent: the outbox could not persist the batch.
    NotPersisted,
    /// Not sent: another node owns some of its partitions. The ownerships with these tokens ended.
    Fenced { tokens: Vec<u64> },
}

impl AttemptResult {
    /// Returns `true` if a request was sent.
    pub(crate) const fn was_sent(&self) -> bool {
        !matches!(self, Self::UnknownApplication | Self::Forgotten | Self::NotPersisted | Self::Fenced { .. })
    }

    /// Returns the HTTP status and the error, if any. `None` if nothing was sent or the attempt was interrupted.
    pub(crate) fn status_and_error(&self) -> Option<(Option<u16>, Option<String>)> {
        match self {
            Self::Status { status: status @ 200..=299, .. } => Some((Some(*status), None)),
            Self::Status { status, .. } => Some((Some(*status), Some(format!("HTTP {status}")))),
            Self::Refused { reason, .. } | Self::TooLarge(reason) | Self::Failed(reason) => {
                Some((None, Some(reason.chars().take(MAX_ERROR_CHARS).collect())))
            }
            Self::Interrupted
            | Self::UnknownApplication
            | Self::Forgotten
            | Self::NotPersisted
            | Self::Fenced { .. } => None,
        }
    }
}

/// Converts an outbox error into the result of the attempt that it prevented.
impl From<PersistError> for AttemptResult {
    fn from(error: PersistError) -> Self {
        match error {
            PersistError::Unavailable => Self::NotPersisted,
            PersistError::Fenced(tokens) => Self::Fenced { tokens },
        }
    }
}
