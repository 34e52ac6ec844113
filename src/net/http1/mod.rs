//! HTTP/1.1 for POSTs: a request, its answer, and the connections that are kept between them.
//!
//! | file | what happens there |
//! |---|---|
//! | `client` | POSTs to one server, on a kept connection or a new one |
//! | `connections`, `idle`, `idle_limit` | keeps connections, as long as they lead to the server and somebody is there |
//! | `connector` | makes connections |
//! | `exchange` | a request and its answer, on one connection |
//! | `request`, `answer`, `fields`, `framing`, `chunks` | pure: what a request and its answer look like on a connection |

mod answer;
mod chunks;
mod client;
mod connections;
mod connector;
mod exchange;
mod fields;
mod framing;
mod idle;
mod idle_limit;
mod request;

pub(crate) use answer::ResponseHead;
pub(crate) use client::{Client, ClientSettings};
pub(crate) use connector::Connector;
pub(crate) use idle::Idle;
pub(crate) use request::{RequestHead, USER_AGENT, host};
