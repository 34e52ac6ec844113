//! HTTP/1.1 for POSTs: a request, its response, and a pool of connections.
//!
//! | file | contents |
//! |---|---|
//! | `client` | POSTs to one server, on an idle connection or a new one; its connection pool |
//! | `idle`, `idle_limit` | the schedule that closes idle connections, and their limit |
//! | `connector` | opens connections |
//! | `exchange` | one request and its response on one connection |
//! | `request`, `answer`, `fields`, `framing`, `chunks` | pure: encodes requests, parses responses |

mod answer;
mod chunks;
mod client;
mod connector;
mod exchange;
mod fields;
mod framing;
mod idle;
mod idle_limit;
mod request;

pub(crate) use answer::ResponseHead;
pub(crate) use client::{ClientSettings, PostClient};
pub(crate) use connector::Connector;
pub(crate) use idle::Idle;
pub(crate) use request::{RequestHead, USER_AGENT, host};
