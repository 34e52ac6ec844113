//! Pusher-style HTTP webhooks for Resonate, without a blocked event loop.

pub mod apps;
pub mod event;
pub mod names;
pub mod secret;
