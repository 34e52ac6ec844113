//! Certificates and keys, for the connections to Redis and to the endpoints.

use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::ConfigError;

/// Lets rustls use ring. Without a provider chosen for the process, it panics as soon as two are compiled in.
pub(crate) fn install_provider() {
    // Fails when a provider is installed already, which serves us as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A file of certificates.
pub(crate) struct CertificateFile {
    /// Its content.
    pub(crate) pem: Vec<u8>,
    /// The certificates in it, at least one.
    pub(crate) certificates: Vec<CertificateDer<'static>>,
}

/// A file of a private key.
pub(crate) struct KeyFile {
    /// Its content.
    pub(crate) pem: Vec<u8>,
    /// The key in it.
    pub(crate) key: PrivateKeyDer<'static>,
}

impl CertificateFile {
    /// Reads the file at `path`, which stands in the config at `key`.
    pub(crate) fn read(key: &str, path: &Path) -> Result<Self, ConfigError> {
        let pem = read(key, path)?;
        match CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>() {
            Ok(certificates) if !certificates.is_empty() => Ok(Self { pem, certificates }),
            Ok(_) => Err(ConfigError::at(key, format_args!("{} holds no PEM certificate", path.display()))),
            Err(error) => Err(ConfigError::at(key, format_args!("{} is not a PEM file: {error}", path.display()))),
        }
    }
}

impl KeyFile {
    /// Reads the file at `path`, which stands in the config at `key`.
    pub(crate) fn read(key: &str, path: &Path) -> Result<Self, ConfigError> {
        let pem = read(key, path)?;
        match PrivateKeyDer::from_pem_slice(&pem) {
            Ok(private) => Ok(Self { pem, key: private }),
            Err(error) => Err(ConfigError::at(key, format_args!("{} holds no private key: {error}", path.display()))),
        }
    }
}

fn read(key: &str, path: &Path) -> Result<Vec<u8>, ConfigError> {
    std::fs::read(path).map_err(|error| ConfigError::at(key, format_args!("cannot read {}: {error}", path.display())))
}

/// The certificates that the system trusts, as far as they can be used; none in a bare container.
pub(crate) fn system_certificates() -> Vec<CertificateDer<'static>> {
    let mut usable = RootCertStore::empty();
    let mut certificates = rustls_native_certs::load_native_certs().certs;
    certificates.retain(|certificate| usable.add(certificate.clone()).is_ok());
    certificates
}
