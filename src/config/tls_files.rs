//! The PEM files of a TLS connection.

use std::path::{Path, PathBuf};

use super::error::ConfigError;
use crate::net::tls::{CertificateFile, KeyFile};

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

/// The contents of TLS files.
pub(crate) struct TlsContents {
    pub(crate) ca: Option<CertificateFile>,
    /// The client certificate and its key.
    pub(crate) client: Option<(CertificateFile, KeyFile)>,
}

impl TlsFiles {
    /// Reads the files of the settings under `key`.
    ///
    /// # Errors
    /// If a file cannot be read or is not a PEM file.
    pub(crate) fn read(&self, key: &str) -> Result<TlsContents, ConfigError> {
        let at = |name: &str, error| ConfigError::at(&format!("{key}.{name}"), error);
        let certificate = |name: &str, path: &Path| CertificateFile::read(path).map_err(|error| at(name, error));
        let client = self.client.as_ref().map(|ClientCert { cert, key }| {
            Ok((certificate("client_cert", cert)?, KeyFile::read(key).map_err(|error| at("client_key", error))?))
        });
        Ok(TlsContents {
            ca: self.ca.as_ref().map(|path| certificate("ca_file", path)).transpose()?,
            client: client.transpose()?,
        })
    }

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
