//! Amazon Web Services: credentials, request signatures, hosts.
//!
//! | file | contents |
//! |---|---|
//! | `environment` | the environment variables, read once on PHP's thread |
//! | `chain` | pure: the credential sources, in order |
//! | `profile` | pure: the files of the AWS CLI |
//! | `metadata` | the metadata services of containers and virtual machines |
//! | `credentials` | caches credentials and refreshes them before they expire |
//! | `sigv4` | pure: Signature Version 4 |
//! | `region` | pure: the host names of services in a region |
//! | `time` | pure: the two time formats of AWS |
//!
//! This module does not use the crates of AWS, because they need an asynchronous runtime and this process uses blocking
//! threads.

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
