//! Pusher-style HTTP webhooks for Resonate, without a blocked event loop.
//!
//! The modules, in the order in which an event travels:
//!
//! ```text
//! php ─▶ engine ─▶ intent ─▶ presence ─▶ redis ─▶ outbox ─▶ delivery ─▶ the receiver
//!  ▲                                                           │
//!  └───────────────────── telemetry ◀──────────────────────────┘
//! ```
//! - `php` is the extension: a hook's strings come in (cargo feature `extension`).
//! - [`engine`] is what the hooks call; it owns the threads. [`registry`] keeps the engines of a process.
//! - `intent` is the bounded queue that a hook pushes to. Nothing behind it runs on PHP's thread.
//! - `presence` turns intents into claims, and claims into edges, decided by atomic scripts in Redis.
//! - [`redis`] is the connection: settings, reconnects, backoff.
//! - [`outbox`] is where events wait until every endpoint has answered.
//! - [`delivery`] sends them: lanes, batches, signatures, HTTP, retries; [`aws`] is what Lambda wants to know.
//! - [`telemetry`] is what comes back: counters, deliveries, drops, log lines.
//! - [`status`] is what the nodes tell of themselves through Redis, for whoever is on call; [`metrics`] the same, and more, for
//!   Prometheus.
//!
//! The words they share are in [`names`], [`channel_type`], [`event`], [`apps`] and [`config`]. What an operating system
//! does to a process with threads is dealt with in `process`, `thread` and `thread_limit`; messages are authenticated in
//! `mac`, with the keys of `signing_key`. `net` is the way to a server, whatever it is for: addresses, TLS, and one HTTP
//! request with its answer.

pub mod apps;
pub mod aws;
#[cfg(feature = "bench")]
pub mod bench;
pub mod channel_type;
pub mod config;
pub mod delivery;
pub mod engine;
pub mod event;
mod intent;
mod mac;
pub mod metrics;
pub mod names;
mod net;
pub mod outbox;
#[cfg(feature = "extension")]
mod php;
mod presence;
mod process;
pub mod redis;
pub mod registry;
pub mod secret;
mod signing_key;
pub mod status;
pub mod telemetry;
mod thread;
mod thread_limit;

/// The test servers of the integration tests, for the tests of what those cannot reach.
#[cfg(test)]
#[path = "../tests/support"]
mod support {
    #![allow(dead_code, reason = "a part of them is used here")]

    pub(crate) mod certificates;
    pub(crate) mod port;
    pub(crate) mod redis;
    pub(crate) mod wait;
}
