//! What a call to Amazon Web Services needs: credentials, a signature, a host.
//!
//! | file | what happens there |
//! |---|---|
//! | `environment` | the variables of the process, read once and on PHP's thread |
//! | `chain` | pure: where credentials are looked for, in which order |
//! | `profile` | pure: the files that AWS' own tools keep |
//! | `metadata` | what a container and a virtual machine are told about themselves |
//! | `credentials` | keeps credentials, and asks for others before they expire |
//! | `sigv4` | pure: Signature Version 4 |
//! | `region` | pure: where a region's services listen |
//! | `time` | pure: the two forms in which AWS writes a time |
//!
//! By hand, because AWS' own crates bring an asynchronous runtime, and this process has threads that block.

mod chain;
mod credentials;
mod environment;
mod metadata;
mod profile;
mod region;
pub(crate) mod sigv4;
mod time;

pub use chain::{ChainLink, ContainerToken, ProfileFiles};
pub(crate) use chain::{WEB_IDENTITY, default_region, has_web_identity_only, links};
pub use credentials::AccessKeys;
pub(crate) use credentials::Provider;
pub use environment::Environment;
pub(crate) use region::lambda_host;
pub(crate) use time::parse as parse_time;
