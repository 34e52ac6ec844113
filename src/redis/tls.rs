//! TLS certificates for connections to Redis.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use redis::{ClientTlsConfig, TlsCertificates};

use crate::config::{ConfigError, TlsContents, TlsFiles};
use crate::net::tls::system_certificates;

/// Reads the certificates of `files`, or those of the system.
///
/// The client library could read the system's store, but it fails if a single certificate in it is unusual, even when
/// another CA is configured.
pub(super) fn certificates(files: &TlsFiles) -> Result<TlsCertificates, ConfigError> {
    let TlsContents { ca, client } = files.read("connection")?;
    Ok(TlsCertificates {
        root_cert: Some(ca.map_or_else(system_roots, |file| Ok(file.pem))?),
        client_tls: client.map(|(cert, key)| ClientTlsConfig { client_cert: cert.pem, client_key: key.pem }),
    })
}

/// Returns the certificates that the system trusts, in PEM.
fn system_roots() -> Result<Vec<u8>, ConfigError> {
    let mut pem = String::new();
    for certificate in system_certificates() {
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        pem.push_str(&STANDARD.encode(&certificate));
        pem.push_str("\n-----END CERTIFICATE-----\n");
    }
    if pem.is_empty() {
        let problem = "the system trusts no certificates: install its package ca-certificates, or set the file of a CA";
        return Err(ConfigError::at("connection.ca_file", problem));
    }
    Ok(pem.into_bytes())
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
        assert!(message.ends_with("empty.pem contains no PEM certificate"), "{message}");

        let client = Some(ClientCert { cert: empty.clone(), key: empty });
        let message = problem(&TlsFiles { ca: None, client });
        assert!(message.starts_with("resonate-webhooks.connection.client_cert: "), "{message}");
    }
}
