//! The way to a server, whatever is sent to it.
//!
//! | file | what happens there |
//! |---|---|
//! | `http1` | one HTTP request and its answer |
//! | `guard` | pure: which addresses are refused |
//! | `names`, `resolver` | names to addresses, remembered for a short time, and those that may be connected to |
//! | `socket`, `deadline` | the system calls below, and until when |
//! | `tls` | certificates and keys |
//!
//! Nothing here knows of endpoints, lanes or the configuration.

mod deadline;
mod guard;
pub(crate) mod http1;
mod names;
mod resolver;
mod socket;
pub(crate) mod tls;

pub(crate) use deadline::RequestLimit;
pub use guard::AddressRules;
pub(crate) use guard::is_public;
pub(crate) use names::Names;
