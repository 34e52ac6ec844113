//! Counters, by the names under which `stats()` and the metrics show them.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that any thread may add to.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The current value.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident,)*) => {
        /// Everything that is counted, since the engine started.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($(#[doc = $doc])+ pub $name: Counter,)*
        }

        impl Counters {
            /// Every counter with its name, in the order of an event's way.
            #[must_use]
            pub fn snapshot(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.get()),)*]
            }

            /// The names, each with what it counts, in the same order.
            #[must_use]
            pub const fn described() -> &'static [(&'static str, &'static str)] {
                &[$((stringify!($name), concat!($($doc),+)),)*]
            }
        }
    };
}

counters! {
    /// Intents taken from the queue.
    intents,
    /// Client events refused because the queue, or what waits behind an unreachable Redis, was full.
    client_events_dropped,
    /// Events of the application given up because what waits behind an unreachable Redis was full.
    custom_events_dropped,
    /// Intents of connections and subscriptions that found the queue full: they wait beside it, or their channels are
    /// reconciled from the live connections.
    hook_queue_overflows,
    /// Client events not sent on because their message names another channel than the one on which the host found the sender.
    client_events_refused,
    /// Subscriptions of which no hook had told, or whose end none had told, found by a comparison with the live connections.
    reconcile_repairs,
    /// Operations that Redis applied: local firsts and lasts.
    claims,
    /// Edges decided by Redis in favour of this node.
    edges,
    /// Rejoins within the grace, each of which spared the receivers a departure and an arrival.
    departures_suppressed,
    /// Client events that the outbox in Redis did not take because too many waited in their partition, or too many bytes in all.
    client_events_rejected,
    /// Pairs of opposite edges given up unsent because too many waited for an unreachable Redis.
    claims_coalesced,
    /// Batches of operations answered by Redis.
    redis_calls,
    /// Requests to Redis of all threads: a script, or a few commands, each.
    redis_requests,
    /// Requests to Redis that failed: the connection was lost or refused, or Redis refused or rejected the call.
    redis_errors,
    /// Times this node put its holds back because Redis had lost them.
    hold_rebuilds,
    /// Dead nodes whose holds this node took away.
    nodes_reaped,
    /// Events accepted by the outbox.
    events,
    /// Events that no endpoint asked for.
    events_unwanted,
    /// POSTs sent, first attempts and retries alike.
    attempts,
    /// Batches answered with a 2xx status.
    batches_delivered,
    /// Events in batches that were answered with a 2xx status.
    events_delivered,
    /// Batches given up.
    batches_dropped,
    /// Events in batches that were given up, or given up before they were in one.
    events_dropped,
    /// Dead letters that made room for newer ones.
    dead_letters_evicted,
    /// Outcomes that were lost because their queue was full when the PHP side did not poll them in time.
    outcomes_lost,
    /// Panics of background threads.
    thread_panics,
}
