//! Pusher-style HTTP webhooks for Resonate and Laravel Reverb. Never blocks the event loop.
//!
//! ```text
//! php ─▶ engine ─▶ presence ─▶ redis ─▶ outbox ─▶ delivery ─▶ the receiver
//!  ▲                                                 │
//!  └────────────────── telemetry ◀───────────────────┘
//! ```
//! The modules below are listed from low to high. A module imports only modules above it. `tests/layout.rs` reads this list
//! and checks the rule.

// Locks, channels and threads, which models of concurrency replace.
mod sync;

// Events: types, names, channel types, JSON, and the partition of each event.
pub mod event;

// Secrets that never appear in logs, and HMAC-SHA256.
pub mod secret;

// Counters, outcomes for PHP, log lines.
pub mod telemetry;

// Threads and the operating system: forks, signals, descriptors, limits.
mod process;

// Networking: address guard, DNS cache, TLS, one HTTP request and its response.
mod net;

// Amazon Web Services: credentials, signatures, hosts.
pub mod aws;

// The configuration, with strict validation.
pub mod config;

// One connection to Redis: settings, reconnects, backoff, refused commands. Also the script fragments that others include.
pub mod redis;

// The status record of a node: deliveries, latency, event counts. Also the history of 24 hours.
pub mod report;

// Cluster membership: sessions, leases, settling, Redis' clock, the roster audit.
mod cluster;

// From intents to edges: the hook queue, node state, claims, and the scripts that decide edges.
mod presence;

// The outbox, in which events wait until every endpoint has acknowledged them: streams, partitions, owners, dead letters.
pub mod outbox;

// From the outbox to the endpoints: lanes, batches, retries, workers, signatures, Lambda, queues.
pub mod delivery;

// For any machine: the operator commands (cluster status, pause, watch, adopt), and who is there.
pub mod admin;

// Prometheus metrics and their listener.
pub mod metrics;

// The engine that the hooks call. It starts and stops the threads and writes the node's status record.
pub mod engine;

// The extension: the only module that sees ext-php-rs.
#[cfg(feature = "extension")]
mod php;

/// Lets the test support import this crate by the same name as in integration tests.
#[cfg(test)]
extern crate self as resonate_webhooks;

/// The test servers of the integration tests, for unit tests of private items.
#[cfg(test)]
#[path = "../tests/support"]
mod support {
    #![allow(dead_code, reason = "unit tests use only some of them")]

    pub(crate) mod certificates;
    pub(crate) mod memory_outbox;
    pub(crate) mod port;
    pub(crate) mod redis;
    pub(crate) mod search;
    pub(crate) mod wait;
}

/// The driver of the fuzz targets, which are beside the code that they test.
#[cfg(test)]
#[path = "../tests/fuzz/mod.rs"]
mod fuzz;
