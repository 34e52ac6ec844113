//! The PEM files of a TLS connection.

use std::path::PathBuf;

use super::error::ConfigError;

/// PEM files for TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Trusted certificates, in place of the system's.
    pub ca: Option<PathBuf>,
    /// Client certificate and its key.
    pub client: Option<ClientCert>,
}

/// A client certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCert {
    /// File with the certificate and its chain.
    pub cert: PathBuf,
    /// File with the private key.
    pub key: PathBuf,
}

impl TlsFiles {
    /// Resolves the files of the settings under `key`.
    ///
    /// # Errors
    /// If only one of the client certificate and its key is set.
    pub(super) fn at(
        key: &str,
        ca: Option<PathBuf>,
        cert: Option<PathBuf>,
        private_key: Option<PathBuf>,
    ) -> Result<Self, ConfigError> {
        let missing = |name: &str, other: &str| {
            Err(ConfigError::at(&format!("{key}.{name}"), format_args!("is required with {other}")))
        };
        let client = match (cert, private_key) {
            (Some(cert), Some(key)) => Some(ClientCert { cert, key }),
            (None, None) => None,
            (Some(_), None) => return missing("client_key", "client_cert"),
            (None, Some(_)) => return missing("client_cert", "client_key"),
        };
        Ok(Self { ca, client })
    }
}
