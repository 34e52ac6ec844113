//! Counters, under the names that `stats()` and the metrics show.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number to which any thread can add.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Returns the current value.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident,)*) => {
        /// All counters since the start of the engine.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($(#[doc = $doc])+ pub $name: Counter,)*
        }

        impl Counters {
            /// Returns all counters with their names, in the order in which an event passes them.
            pub(crate) fn snapshot(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.get()),)*]
            }

            /// Returns all names with their help texts, in the same order.
            pub(crate) const fn described() -> &'static [(&'static str, &'static str)] {
                &[$((stringify!($name), concat!($($doc),+)),)*]
            }
        }
    };
}

counters! {
    /// Intents taken from the queue.
    intents,
    /// Client events dropped because the queue of hooks, or the queue for an unreachable Redis, was full.
    client_events_dropped,
    /// Custom events dropped because the queue for an unreachable Redis was full.
    custom_events_dropped,
    /// Connects, disconnects and subscriptions that did not fit into the queue of hooks. They wait outside of it, or
    /// their channels are reconciled.
    hook_queue_overflows,
    /// Client events dropped because their message names another channel than the host does.
    client_events_refused,
    /// Subscriptions added or removed by the comparison with the live connections.
    reconcile_repairs,
    /// Claims applied by Redis.
    claims,
    /// Edges that Redis decided from this node's claims.
    edges,
    /// Rejoins within the grace. Each avoids one departure and one arrival.
    departures_suppressed,
    /// Client events that the outbox refused because of its limit of events or bytes.
    client_events_rejected,
    /// Pairs of opposite claims dropped because too many waited for an unreachable Redis.
    claims_coalesced,
    /// Claim calls answered by Redis.
    redis_calls,
    /// Requests to Redis from all threads. A request is one script or a few commands.
    redis_requests,
    /// Failed requests to Redis: the connection was lost or refused, or Redis refused the call.
    redis_errors,
    /// Times that this node restored its holds because Redis had lost them.
    hold_rebuilds,
    /// Dead nodes reaped by this node.
    nodes_reaped,
    /// Events accepted by the outbox.
    events,
    /// Events that no endpoint receives.
    events_unwanted,
    /// POSTs sent, including retries.
    attempts,
    /// Batches answered with a 2xx status.
    batches_delivered,
    /// Events in batches that were answered with a 2xx status.
    events_delivered,
    /// Batches dropped.
    batches_dropped,
    /// Events dropped, in a batch or before.
    events_dropped,
    /// Dead letters deleted to make room for newer ones.
    dead_letters_evicted,
    /// Outcomes lost because the PHP side did not poll them before their queue was full.
    outcomes_lost,
    /// Panics of background threads.
    thread_panics,
}
