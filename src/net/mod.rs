//! Connections to servers: HTTP/1.1, TLS, DNS, and the address guard.
//!
//! | file | contents |
//! |---|---|
//! | `http1` | one HTTP request and its response |
//! | `guard` | pure: refuses addresses |
//! | `dns_cache`, `resolver` | names to addresses, cached for a short time and guarded |
//! | `socket`, `deadline` | sockets and their deadlines |
//! | `tls` | certificates and keys |
//!
//! Nothing here knows about endpoints, lanes or the configuration.

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
