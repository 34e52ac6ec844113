//! The TLS settings of endpoints. Endpoints with the same certificates share a connector.

use std::sync::{Arc, Weak};

use rustls::{ClientConfig, RootCertStore};
use sha2::{Digest, Sha256};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use crate::config::{ConfigError, Endpoint, TlsContents};
use crate::net::http1::Connector;
use crate::net::tls::{CertificateFile, KeyFile, install_provider, system_certificates};

/// The connectors of all endpoints, one for each set of certificates.
#[derive(Default)]
pub(super) struct Connectors {
    /// The trusted authorities of endpoints without a `ca_file`. They are read once.
    public: Option<RootCerts>,
    /// The connectors by the content of their TLS files.
    known: Vec<(Content, Weak<Connector>)>,
}

/// SHA-256 of the content of an endpoint's TLS files.
type Content = [u8; 32];

impl Connectors {
    /// Returns the connector of `endpoint`.
    ///
    /// # Errors
    /// Returns an error if a TLS file cannot be read or used.
    pub(super) fn of(&mut self, endpoint: &Endpoint) -> Result<Arc<Connector>, ConfigError> {
        let files = endpoint.tls.read(&endpoint.key)?;
        let content = files.content();
        self.known.retain(|(_, connector)| connector.strong_count() > 0);
        let known = self.known.iter().find(|(other, _)| *other == content);
        if let Some(connector) = known.and_then(|(_, connector)| connector.upgrade()) {
            return Ok(connector);
        }
        install_provider();
        let roots = match &files.ca {
            Some(file) => roots(endpoint, file)?,
            None => self.public.get_or_insert_with(public_authorities).clone(),
        };
        let client = files.client.as_ref().map(|(cert, key)| client_cert(endpoint, cert, key)).transpose()?;
        let connector = Arc::new(Connector::new(TlsConfig::builder().root_certs(roots).client_cert(client).build()));
        self.known.push((content, Arc::downgrade(&connector)));
        Ok(connector)
    }
}

impl TlsContents {
    fn content(&self) -> Content {
        let client = self.client.as_ref();
        let parts = [
            self.ca.as_ref().map(|file| &file.pem),
            client.map(|(cert, _)| &cert.pem),
            client.map(|(_, key)| &key.pem),
        ];
        let mut hash = Sha256::new();
        for part in parts.into_iter().map(|part| part.map_or(&[][..], Vec::as_slice)) {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }
}

/// Returns the certificates that this machine trusts, as PHP's HTTP clients do, or Mozilla's if it has none.
fn public_authorities() -> RootCerts {
    let system = system_certificates();
    if system.is_empty() {
        RootCerts::WebPki
    } else {
        RootCerts::from(system.iter().map(|der| Certificate::from_der(der).to_owned()))
    }
}

/// Returns the trusted authorities of an endpoint with a `ca_file`.
fn roots(endpoint: &Endpoint, file: &CertificateFile) -> Result<RootCerts, ConfigError> {
    // ureq silently ignores certificates that do not belong to an authority.
    let mut usable = RootCertStore::empty();
    for certificate in &file.certificates {
        usable.add(certificate.clone()).map_err(|error| {
            let path = file.path.display();
            ConfigError::at(&key(endpoint, "ca_file"), format_args!("{path} contains an unusable certificate: {error}"))
        })?;
    }
    Ok(RootCerts::from(file.certificates.iter().map(|der| Certificate::from_der(der).to_owned())))
}

/// Returns the client certificate of an endpoint.
fn client_cert(endpoint: &Endpoint, cert: &CertificateFile, private: &KeyFile) -> Result<ClientCert, ConfigError> {
    let path = private.path.display();
    let key = key(endpoint, "client_key");
    // Checked here, because ureq would panic on the first connection.
    ClientConfig::builder()
        .with_root_certificates(RootCertStore::empty())
        .with_client_auth_cert(cert.certificates.clone(), private.key.clone_key())
        .map_err(|error| ConfigError::at(&key, format_args!("{path} cannot be used with client_cert: {error}")))?;
    let chain: Vec<_> = cert.certificates.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    let unusable = |error| ConfigError::at(&key, format_args!("{path} cannot be used: {error}"));
    Ok(ClientCert::new_with_certs(&chain, PrivateKey::from_pem(&private.pem).map_err(unusable)?))
}

/// Returns the config key of an endpoint's setting.
fn key(endpoint: &Endpoint, name: &str) -> String {
    format!("{}.{name}", endpoint.key)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{ClientCert as ClientFiles, Config, TlsFiles};
    use crate::support::certificates::PrivateCa;

    fn endpoint(tls: TlsFiles) -> Endpoint {
        let config = serde_json::json!({ "endpoints": [{ "url": "https://hooks.test/" }] });
        Endpoint { tls, ..Config::from_value(config).unwrap().endpoints.remove(0) }
    }

    #[test]
    fn endpoints_with_the_same_certificates_share_a_connector() {
        let (ca, other) = (PrivateCa::new(), PrivateCa::new());
        let copy = ca.file().with_file_name("copy.pem");
        std::fs::copy(ca.file(), &copy).unwrap();
        let client = ca.issue("sender");
        let client = || Some(ClientFiles { cert: client.cert.clone(), key: client.key.clone() });

        let mut connectors = Connectors::default();
        let mut of = |ca: Option<&Path>, client| {
            connectors.of(&endpoint(TlsFiles { ca: ca.map(Path::to_owned), client })).unwrap()
        };
        let (public, private, known) = (of(None, None), of(Some(&ca.file()), None), of(Some(&ca.file()), client()));
        assert!(Arc::ptr_eq(&public, &of(None, None)));
        assert!(Arc::ptr_eq(&private, &of(Some(&copy), None)), "the content counts, not the path");
        assert!(Arc::ptr_eq(&known, &of(Some(&copy), client())));
        let others = [public, private, known, of(Some(&other.file()), None), of(None, client())];
        for (n, one) in others.iter().enumerate() {
            assert!(others[..n].iter().all(|another| !Arc::ptr_eq(one, another)), "{n}");
        }
        drop(others);
        connectors.of(&endpoint(TlsFiles::default())).unwrap();
        assert_eq!(connectors.known.len(), 1, "unused connectors are removed");
    }
}
