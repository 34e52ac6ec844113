//! Connections to servers: HTTP/1.1, TLS, DNS, and the address guard.
//!
//! | file | contents |
//! |---|---|
//! | `http1` | one HTTP request and its response |
//! | `guard` | pure: refuses addresses |
//! | `dns_cache`, `resolver` | resolves names to allowed addresses, with a short-lived cache |
//! | `socket`, `deadline` | sockets and their deadlines |
//! | `tls` | certificates and keys |
//!
//! This module does not depend on endpoints, lanes or the configuration.

mod deadline;
mod dns_cache;
mod guard;
pub(crate) mod http1;
mod resolver;
mod socket;
pub(crate) mod tls;

pub(crate) use dns_cache::DnsCache;
pub use guard::AddressRules;
pub(crate) use guard::is_public;
