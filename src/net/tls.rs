//! Certificates and keys.

use std::io;
use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;

/// Makes rustls use ring. Without a default provider it panics when two are compiled in.
pub(crate) fn install_provider() {
    // Fails when a provider is installed already, which serves us as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A file of certificates.
pub(crate) struct CertificateFile {
    /// Its path.
    pub(crate) path: PathBuf,
    /// Its content.
    pub(crate) pem: Vec<u8>,
    /// The certificates in it, at least one.
    pub(crate) certificates: Vec<CertificateDer<'static>>,
}

/// A file of a private key.
pub(crate) struct KeyFile {
    /// Its path.
    pub(crate) path: PathBuf,
    /// Its content.
    pub(crate) pem: Vec<u8>,
    /// The key in it.
    pub(crate) key: PrivateKeyDer<'static>,
}

/// A file that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum FileError {
    /// The system does not give it.
    #[error("cannot read {path}: {1}", path = .0.display())]
    Unreadable(PathBuf, io::Error),
    /// It holds something else.
    #[error("{path} holds no PEM certificate", path = .0.display())]
    NoCertificate(PathBuf),
    /// It is damaged.
    #[error("{path} is not a PEM file: {1}", path = .0.display())]
    NotPem(PathBuf, pem::Error),
    /// It holds something else, or a key of another form.
    #[error("{path} holds no private key: {1}", path = .0.display())]
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

/// The certificates that the system trusts, as far as they can be used; none in a bare container.
pub(crate) fn system_certificates() -> Vec<CertificateDer<'static>> {
    let mut usable = RootCertStore::empty();
    let mut certificates = rustls_native_certs::load_native_certs().certs;
    certificates.retain(|certificate| usable.add(certificate.clone()).is_ok());
    certificates
}
