//! The PEM files of a TLS connection.

use std::path::PathBuf;

use super::error::ConfigError;

/// PEM files for TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificates to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// The certificate by which the server knows us, with its key.
    pub client: Option<ClientCert>,
}

/// A client certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCert {
    /// The file of the certificate, with its chain.
    pub cert: PathBuf,
    /// The file of its private key.
    pub key: PathBuf,
}

impl TlsFiles {
    /// The files written under `key`. A certificate is of no use without its key, and the other way round.
    pub(super) fn at(
        key: &str,
        ca: Option<PathBuf>,
        cert: Option<PathBuf>,
        private_key: Option<PathBuf>,
    ) -> Result<Self, ConfigError> {
        let client = match (cert, private_key) {
            (Some(cert), Some(key)) => Some(ClientCert { cert, key }),
            (None, None) => None,
            (Some(_), None) => {
                return Err(ConfigError::at(&format!("{key}.client_key"), "is missing beside client_cert"));
            }
            (None, Some(_)) => {
                return Err(ConfigError::at(&format!("{key}.client_cert"), "is missing beside client_key"));
            }
        };
        Ok(Self { ca, client })
    }
}
