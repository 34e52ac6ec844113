//! The protocol of the outbox: a pure copy of its scripts, a search of all that can happen to it, and a test that the copy is
//! true.
//!
//! `MODEL_SECONDS=600 cargo test --lib outbox::redis::model` searches further.

mod conformance;
mod exhaustive;
mod protocol;

/// A number from the environment.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
