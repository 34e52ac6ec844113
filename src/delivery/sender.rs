//! Makes attempts: persists a batch, signs it and sends it.

use std::sync::Arc;
use std::time::Instant;

use super::AppRegistry;
use super::answer::{RawAnswer, Reply};
use super::attempt::{Attempt, AttemptResult, EndedAttempt};
use super::batch::Batch;
use super::client::Clients;
use crate::cluster::system_ms;
use crate::outbox::{LaneId, Outbox};
use crate::telemetry::{AnswerExcerpt, Telemetry, UNCONFIGURED};

/// Sends batches; shared by all workers.
#[derive(derive_more::Debug)]
pub(crate) struct BatchSender {
    #[debug(skip)]
    pub(crate) clients: Clients,
    pub(crate) apps: Arc<AppRegistry>,
    pub(crate) outbox: Arc<dyn Outbox>,
    pub(crate) telemetry: Arc<Telemetry>,
}

impl BatchSender {
    /// Makes an attempt.
    pub(crate) fn send(&self, attempt: &Attempt) -> EndedAttempt {
        self.try_send(attempt).unwrap_or_else(EndedAttempt::from)
    }

    /// # Errors
    /// Returns the result as an error if nothing was sent.
    fn try_send(&self, attempt: &Attempt) -> Result<EndedAttempt, AttemptResult> {
        let Attempt { id: lane, batch, limit, .. } = attempt;
        let body = self.freeze(lane, batch)?;
        let Some((client, own)) = self.clients.of(&lane.endpoint) else {
            return Err(AttemptResult::Failed(UNCONFIGURED.to_owned()));
        };
        let Some(request) = batch.sign(body, system_ms() / 1000, &self.apps, own.as_ref()) else {
            self.apps.request(&lane.app, Instant::now());
            return Err(AttemptResult::UnknownApplication);
        };
        self.telemetry.counters.attempts.add(1);
        let began = Instant::now();
        let Reply { result, answer } = client.send(&request, *limit);
        let took = began.elapsed();
        if limit.is_some_and(|limit| took >= limit) && matches!(result, AttemptResult::Failed(_)) {
            return Ok(EndedAttempt { result: AttemptResult::Interrupted, answer: None, took });
        }
        let answer = answer.map(|answer| self.excerpt(&result, &answer));
        Ok(EndedAttempt { result, answer, took })
    }

    /// Returns an answer as text, without any secret of this process.
    fn excerpt(&self, result: &AttemptResult, answer: &RawAnswer) -> AnswerExcerpt {
        let status = if let AttemptResult::Status { status, .. } = result { Some(*status) } else { None };
        let time_ms = system_ms();
        let (apps, endpoints) = (self.apps.secrets(), self.clients.secrets());
        let known = apps.iter().chain(&endpoints).map(|secrets| &**secrets);
        AnswerExcerpt { status, text: answer.text(known), time_ms }
    }

    /// Freezes the batch and persists it in the outbox before its first attempt. Returns the body, the same for every attempt.
    fn freeze<'a>(&self, lane: &LaneId, batch: &'a Batch) -> Result<&'a [u8], AttemptResult> {
        if let Some(body) = batch.body() {
            self.outbox.confirm(&batch.events)?;
            return Ok(body);
        }
        let body = match batch.redelivery() {
            None => batch.encode(self.outbox.origin(lane.shard)),
            Some(redelivery) => {
                self.outbox.dead_letter_body(&redelivery.dead_letter)?.ok_or(AttemptResult::Forgotten)?
            }
        };
        self.outbox.persist(lane, &batch.id, &body, &batch.events)?;
        Ok(batch.freeze(body))
    }
}
