//! Whom an endpoint's connections trust, and by what they are known.

use rustls::{ClientConfig, RootCertStore};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use crate::config::{ConfigError, Endpoint};
use crate::net::tls::{CertificateFile, KeyFile, install_provider, system_certificates};

/// The TLS configuration of an endpoint. `public` is what all others trust, once it has been read.
///
/// # Errors
/// When a file cannot be read or used.
pub(super) fn config(endpoint: &Endpoint, public: &mut Option<RootCerts>) -> Result<TlsConfig, ConfigError> {
    install_provider();
    Ok(TlsConfig::builder().root_certs(roots(endpoint, public)?).client_cert(client_cert(endpoint)?).build())
}

/// The certificates that this machine trusts, as PHP's own HTTP clients use them, or Mozilla's where it has none.
fn public_authorities() -> RootCerts {
    let system = system_certificates();
    if system.is_empty() {
        RootCerts::WebPki
    } else {
        RootCerts::from(system.iter().map(|der| Certificate::from_der(der).to_owned()))
    }
}

fn roots(endpoint: &Endpoint, public: &mut Option<RootCerts>) -> Result<RootCerts, ConfigError> {
    let Some(path) = &endpoint.tls.ca else { return Ok(public.get_or_insert_with(public_authorities).clone()) };
    let key = format!("{}.ca_file", endpoint.key);
    let file = CertificateFile::read(path).map_err(|error| ConfigError::at(&key, error))?;
    // ureq passes over in silence what is no certificate of an authority.
    let mut usable = RootCertStore::empty();
    for certificate in &file.certificates {
        usable.add(certificate.clone()).map_err(|error| {
            ConfigError::at(&key, format_args!("{} holds an unusable certificate: {error}", path.display()))
        })?;
    }
    Ok(RootCerts::from(file.certificates.iter().map(|der| Certificate::from_der(der).to_owned())))
}

fn client_cert(endpoint: &Endpoint) -> Result<Option<ClientCert>, ConfigError> {
    let Some(files) = &endpoint.tls.client else { return Ok(None) };
    let cert = CertificateFile::read(&files.cert)
        .map_err(|error| ConfigError::at(&format!("{}.client_cert", endpoint.key), error))?;
    let key_name = format!("{}.client_key", endpoint.key);
    let key = KeyFile::read(&files.key).map_err(|error| ConfigError::at(&key_name, error))?;
    // ureq would panic at the first connection.
    ClientConfig::builder()
        .with_root_certificates(RootCertStore::empty())
        .with_client_auth_cert(cert.certificates.clone(), key.key.clone_key())
        .map_err(|error| {
            ConfigError::at(&key_name, format_args!("{} cannot be used with client_cert: {error}", files.key.display()))
        })?;
    let chain: Vec<_> = cert.certificates.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    let unusable = |error| ConfigError::at(&key_name, format_args!("{} cannot be used: {error}", files.key.display()));
    Ok(Some(ClientCert::new_with_certs(&chain, PrivateKey::from_pem(&key.pem).map_err(unusable)?)))
}
