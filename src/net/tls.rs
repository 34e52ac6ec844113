//! Certificates and private keys.

use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Makes ring the default provider of rustls. Without a default, rustls panics if two providers are compiled in.
pub(crate) fn install_provider() {
    // Fails if a provider is already installed, which is fine too.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A PEM file with certificates.
pub(crate) struct CertificateFile {
    pub(crate) path: PathBuf,
    /// The content of the file.
    pub(crate) pem: Vec<u8>,
    /// The certificates in the file, at least one.
    pub(crate) certificates: Vec<CertificateDer<'static>>,
}

/// A PEM file with a private key.
pub(crate) struct KeyFile {
    pub(crate) path: PathBuf,
    /// The content of the file.
    pub(crate) pem: Vec<u8>,
    /// The key in the file.
    pub(crate) key: PrivateKeyDer<'static>,
}

impl CertificateFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// Returns the reason that the file cannot be used, with its path.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let pem = read(path)?;
        match CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>() {
            Ok(certificates) if !certificates.is_empty() => Ok(Self { path: path.to_owned(), pem, certificates }),
            Ok(_) => Err(format!("{} contains no PEM certificate", path.display())),
            Err(error) => Err(format!("{} is not a PEM file: {error}", path.display())),
        }
    }
}

impl KeyFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// Returns the reason that the file cannot be used, with its path.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let pem = read(path)?;
        match PrivateKeyDer::from_pem_slice(&pem) {
            Ok(private) => Ok(Self { path: path.to_owned(), pem, key: private }),
            Err(error) => Err(format!("{} contains no private key: {error}", path.display())),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// Returns the certificates that the system trusts and rustls can use. A minimal container has none.
pub(crate) fn system_certificates() -> Vec<CertificateDer<'static>> {
    let mut usable = RootCertStore::empty();
    let mut certificates = rustls_native_certs::load_native_certs().certs;
    certificates.retain(|certificate| usable.add(certificate.clone()).is_ok());
    certificates
}
