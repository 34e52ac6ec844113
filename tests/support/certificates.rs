//! A certificate authority for tests, which no system trusts.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use tempfile::TempDir;

/// An authority. Its files are PEM files in a temporary folder.
pub(crate) struct PrivateCa {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key, as PEM files.
pub(crate) struct Issued {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

impl PrivateCa {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        // Each needs its own name: OpenSSL treats a certificate with equal subject and issuer as self-signed.
        params.distinguished_name.push(DnType::CommonName, "private authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, key()).expect("a self-signed authority");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ca = Self { folder, issuer };
        write(&ca.file(), &ca.issuer.pem());
        ca
    }

    /// Returns the file of the authority's own certificate.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Issues a certificate for `name`, a host name or an IP address.
    pub(crate) fn issue(&self, name: &str) -> Issued {
        self.sign(name, CertificateParams::new([name.to_owned()]).expect("a valid name"))
    }

    /// Issues an expired certificate for `name`.
    pub(crate) fn issue_expired(&self, name: &str) -> Issued {
        let mut params = CertificateParams::new([name.to_owned()]).expect("a valid name");
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
        self.sign(name, params)
    }

    fn sign(&self, name: &str, mut params: CertificateParams) -> Issued {
        let key = key();
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &self.issuer).expect("a signed certificate");
        let file = |ending: &str| self.folder.path().join(format!("{name}.{ending}"));
        let issued = Issued { cert: file("crt"), key: file("key") };
        write(&issued.cert, &certificate.pem());
        write(&issued.key, &key.serialize_pem());
        issued
    }
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

fn write(path: &Path, pem: &str) {
    std::fs::write(path, pem).expect("a written PEM file");
}
