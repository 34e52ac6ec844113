//! An engine without threads, for benchmarks that count instructions.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Engine, Threads};
use crate::config::Config;
use crate::presence::Intake;

/// An engine that accepts intents like a running one. The caller runs the work of its threads on demand, without Redis.
#[derive(Debug)]
pub struct ThreadlessEngine {
    engine: Engine,
    intake: Intake,
}

impl ThreadlessEngine {
    /// Creates an engine.
    ///
    /// # Panics
    /// Never: a new engine has not been started.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let mut engine = Engine::new(config);
        let Threads::Unstarted { intents } = engine.threads.get_mut() else { unreachable!("a new engine is at rest") };
        let shared = &engine.shared;
        let intake = Intake::new(
            Arc::clone(&shared.queue),
            intents.clone(),
            Arc::clone(&shared.node_states),
            Arc::clone(&shared.telemetry),
        );
        engine.booted.store(true, Ordering::Release);
        Self { engine, intake }
    }

    /// Returns the engine that hooks call.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Does the work of the intake thread: applies the pushed intents to the node state. Returns their number.
    pub fn take_in(&mut self) -> usize {
        std::iter::repeat_with(|| self.intake.take_in()).take_while(|taken| *taken > 0).sum()
    }

    /// Does the claimer's work, as if Redis had decided an edge for each claim. Returns the number of events.
    pub fn judge(&mut self) -> usize {
        let mut events = 0;
        for shard in &self.engine.shared.node_states.shards {
            let mut node_state = shard.lock();
            while let Some(batch) = node_state.pending.batch() {
                events += batch.claims().count() + batch.events();
                node_state.pending.answered();
            }
        }
        events
    }
}
