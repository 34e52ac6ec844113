//! Certificates and private keys.

use std::io;
use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;

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

/// The reason that a certificate or key file cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum FileError {
    /// The file cannot be read.
    #[error("cannot read {path}: {1}", path = .0.display())]
    Unreadable(PathBuf, io::Error),
    /// The file contains no certificate.
    #[error("{path} contains no PEM certificate", path = .0.display())]
    NoCertificate(PathBuf),
    /// The file is not valid PEM.
    #[error("{path} is not a PEM file: {1}", path = .0.display())]
    NotPem(PathBuf, pem::Error),
    /// The file contains no private key in a supported format.
    #[error("{path} contains no private key: {1}", path = .0.display())]
    NoKey(PathBuf, pem::Error),
}

impl CertificateFile {
    /// Reads the file at `path`.
    pub(crate) fn read(path: &Path) -> Result<Self, FileError> {
        let pem = read(path)?;
        match CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>() {
            Ok(certificates) if !certificates.is_empty() => Ok(Self { path: path.to_owned(), pem, certificates }),
            Ok(_) => Err(FileError::NoCertificate(path.to_owned())),
            Err(error) => Err(FileError::NotPem(path.to_owned(), error)),
        }
    }
}

impl KeyFile {
    /// Reads the file at `path`.
    pub(crate) fn read(path: &Path) -> Result<Self, FileError> {
        let pem = read(path)?;
        match PrivateKeyDer::from_pem_slice(&pem) {
            Ok(private) => Ok(Self { path: path.to_owned(), pem, key: private }),
            Err(error) => Err(FileError::NoKey(path.to_owned(), error)),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    std::fs::read(path).map_err(|error| FileError::Unreadable(path.to_owned(), error))
}

/// Returns the certificates that the system trusts and rustls can use. A minimal container has none.
pub(crate) fn system_certificates() -> Vec<CertificateDer<'static>> {
    let mut usable = RootCertStore::empty();
    let mut certificates = rustls_native_certs::load_native_certs().certs;
    certificates.retain(|certificate| usable.add(certificate.clone()).is_ok());
    certificates
}
