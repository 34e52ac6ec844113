//! Pusher-style HTTP webhooks for Resonate, without a blocked event loop.
//!
//! ```text
//! php ─▶ engine ─▶ presence ─▶ redis ─▶ outbox ─▶ delivery ─▶ the receiver
//!  ▲                                                 │
//!  └────────────────── telemetry ◀───────────────────┘
//! ```
//! The modules stand below from low to high: one imports only those above it in the list. `tests/layout.rs` reads the list
//! and checks that.

// What happened: event types, names, channel types, their JSON, and the partition that each goes to.
pub mod event;

// Values that no log shows, and the MAC that is made with them.
pub mod secret;

// What comes back: counters, outcomes for PHP, log lines.
pub mod telemetry;

// What an operating system does to a process with threads: forks, signals, descriptors, limits.
mod process;

// The way to a server: address guard, DNS cache, TLS, one HTTP request with its answer.
mod net;

// Calls to Amazon Web Services: credentials, signatures, hosts.
pub mod aws;

// The configuration, read strictly.
pub mod config;

// One connection to Redis: settings, reconnects, backoff, what it refuses; the fragments of scripts that others include.
pub mod redis;

// The record in which a node tells how it is doing: deliveries, latency, event counts.
pub mod report;

// Membership of the cluster: sessions, leases, settling, Redis' clock, the audit of the roster.
mod cluster;

// From intents to edges: the queue of the hooks, this node's sockets, claims, and the scripts that decide edges.
mod presence;

// Where events wait until every endpoint has answered: streams, partitions and their owners, dead letters.
pub mod outbox;

// From the outbox to the endpoints: lanes, batches, retries, workers, signatures, Lambda.
pub mod delivery;

// What operators ask from any machine: the status of the cluster, pauses, a watch, an adoption.
pub mod admin;

// The text for Prometheus, and its listener.
pub mod metrics;

// What the hooks call: it owns the threads, their start and their end, and writes the node's record.
pub mod engine;

// The extension: the only module that sees ext-php-rs.
#[cfg(feature = "extension")]
mod php;

/// The name of this crate in the integration tests, whose support the unit tests share.
#[cfg(test)]
extern crate self as resonate_webhooks;

/// The test servers of the integration tests, for the tests of what those cannot reach.
#[cfg(test)]
#[path = "../tests/support"]
mod support {
    #![allow(dead_code, reason = "a part of them is used here")]

    pub(crate) mod certificates;
    pub(crate) mod memory_outbox;
    pub(crate) mod port;
    pub(crate) mod redis;
    pub(crate) mod wait;
}
