//! Delivers batches as jobs: pushes each batch onto a queue of the Laravel application, as `Queue::push` would.
//!
//! | file | contents |
//! |---|---|
//! | `payload` | pure: a job as Laravel encodes it |
//! | `redis` | pushes onto a list in Redis |
//! | `sqs` | sends a message to Amazon SQS |

#[cfg(test)]
mod fuzz;
mod payload;
mod redis;
pub(super) mod sqs;

pub(super) use redis::RedisQueueClient;

use super::attempt::AttemptResult;

/// The result of a push: the queue has the job, which is not handled yet (202, Accepted).
const QUEUED: AttemptResult = AttemptResult::Status { status: 202, retry_after: None };
