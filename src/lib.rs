//! Pusher-style HTTP webhooks for Resonate, without a blocked event loop.

pub mod apps;
pub mod config;
pub mod delivery;
pub mod event;
pub mod names;
pub mod outbox;
mod process;
pub mod redis;
pub mod secret;
pub mod telemetry;
mod thread;
