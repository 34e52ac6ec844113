//! Real servers and shared helpers for the tests.

#![allow(dead_code, reason = "every test crate compiles all of this and uses only a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set up its servers has failed")]

pub(crate) mod black_hole;
pub(crate) mod certificates;
pub(crate) mod client_event;
pub(crate) mod clock;
pub(crate) mod cluster;
pub(crate) mod config;
pub(crate) mod engine;
pub(crate) mod flood;
pub(crate) mod forwarder;
pub(crate) mod gauges;
pub(crate) mod memory_outbox;
pub(crate) mod monitor;
pub(crate) mod node;
pub(crate) mod port;
pub(crate) mod proxy;
pub(crate) mod receiver;
pub(crate) mod redis;
pub(crate) mod redis_cluster;
pub(crate) mod scrape;
pub(crate) mod serve;
pub(crate) mod tally;
pub(crate) mod tls_receiver;
pub(crate) mod wait;
pub(crate) mod watched;
