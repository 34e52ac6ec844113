//! The answer of an endpoint to a failed attempt, for operators.

use serde::Serialize;

/// The beginning of the answer to a failed attempt. Known secrets are replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AnswerExcerpt {
    /// The HTTP status, if the endpoint itself answered. `None` if something in front of it did, such as the Lambda
    /// service.
    pub status: Option<u16>,
    /// The first bytes of the body as one line; empty without a body, `[binary]` if it is not text.
    pub text: String,
    /// Time of the answer by the clock of the node, in Unix ms.
    pub time_ms: u64,
}
