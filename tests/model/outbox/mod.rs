//! Model of the outbox: a pure copy of its scripts, an exhaustive search of that copy, and a test that the copy does
//! what the scripts do.
//!
//! `MODEL_SECONDS=600 cargo test --lib outbox::redis::model` searches a larger space.

mod conformance;
mod exhaustive;
mod protocol;

/// Reads a number from the environment.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
