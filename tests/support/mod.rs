//! Real servers for the tests. Each test crate uses only a part of them.

#![allow(clippy::expect_used, reason = "a test that cannot set its stage has failed")]

#[allow(dead_code, reason = "not every test crate speaks TLS")]
pub(crate) mod certificates;
#[allow(dead_code, reason = "not every test crate stops its server")]
pub(crate) mod redis;
