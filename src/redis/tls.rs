//! Certificates for a Redis behind TLS.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use redis::{ClientTlsConfig, TlsCertificates};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::{ConfigError, TlsFiles};

/// Reads the certificates of `files`, or the system's.
///
/// The client library would read the system's store itself, but gives up when a single certificate in it is unusual,
/// and does so even when it is told to trust another one.
pub(super) fn certificates(files: &TlsFiles) -> Result<TlsCertificates, ConfigError> {
    let root_cert = match &files.ca {
        Some(path) => Some(certificate_file("connection.ca_file", path)?),
        None => system_roots(),
    };
    let client_tls = match &files.client {
        Some(client) => Some(ClientTlsConfig {
            client_cert: certificate_file("connection.client_cert", &client.cert)?,
            client_key: key_file("connection.client_key", &client.key)?,
        }),
        None => None,
    };
    Ok(TlsCertificates { client_tls, root_cert })
}

/// The content of a file with at least one certificate.
fn certificate_file(key: &str, path: &Path) -> Result<Vec<u8>, ConfigError> {
    let pem = read(key, path)?;
    match CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>() {
        Ok(certificates) if !certificates.is_empty() => Ok(pem),
        Ok(_) => Err(ConfigError::at(key, format_args!("{} holds no PEM certificate", path.display()))),
        Err(error) => Err(ConfigError::at(key, format_args!("{} is not a PEM file: {error}", path.display()))),
    }
}

/// The content of a file with a private key.
fn key_file(key: &str, path: &Path) -> Result<Vec<u8>, ConfigError> {
    let pem = read(key, path)?;
    match PrivateKeyDer::from_pem_slice(&pem) {
        Ok(_) => Ok(pem),
        Err(error) => Err(ConfigError::at(key, format_args!("{} holds no private key: {error}", path.display()))),
    }
}

fn read(key: &str, path: &Path) -> Result<Vec<u8>, ConfigError> {
    std::fs::read(path).map_err(|error| ConfigError::at(key, format_args!("cannot read {}: {error}", path.display())))
}

/// The certificates that the system trusts, in PEM, as far as they can be used. `None` when it has none, as in a bare
/// container: then the client library's own list of public authorities applies.
fn system_roots() -> Option<Vec<u8>> {
    let mut usable = RootCertStore::empty();
    let mut pem = String::new();
    for certificate in rustls_native_certs::load_native_certs().certs {
        if usable.add(certificate.clone()).is_ok() {
            pem.push_str("-----BEGIN CERTIFICATE-----\n");
            pem.push_str(&STANDARD.encode(&certificate));
            pem.push_str("\n-----END CERTIFICATE-----\n");
        }
    }
    (!usable.is_empty()).then(|| pem.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ClientCert;

    fn problem(files: &TlsFiles) -> String {
        certificates(files).unwrap_err().to_string()
    }

    #[test]
    fn a_missing_or_empty_file_is_named_with_its_key() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing.pem");
        let empty = folder.path().join("empty.pem");
        std::fs::write(&empty, "no certificate").unwrap();

        let message = problem(&TlsFiles { ca: Some(missing), client: None });
        assert!(message.starts_with("resonate-webhooks.connection.ca_file: cannot read "), "{message}");
        assert!(message.contains("missing.pem: No such file"), "{message}");

        let message = problem(&TlsFiles { ca: Some(empty.clone()), client: None });
        assert!(message.ends_with("empty.pem holds no PEM certificate"), "{message}");

        let client = Some(ClientCert { cert: empty.clone(), key: empty });
        let message = problem(&TlsFiles { ca: None, client });
        assert!(message.starts_with("resonate-webhooks.connection.client_cert: "), "{message}");
    }
}
