//! Makes connections: straight to a server, or through a proxy that builds a tunnel to it.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ureq::Error;
use ureq::tls::TlsConfig;
use ureq::unversioned::transport::{
    ConnectProxyConnector, ConnectionDetails, Connector as Chain, RustlsConnector, SocksConnector, Transport,
};

use crate::net::socket::Socket;

/// Makes connections that trust the same authorities and are known by the same certificate.
///
/// All clients with the same TLS settings share one: what rustls keeps for it, roots and sessions, takes 100 kB.
pub(crate) struct Connector {
    tls: TlsConfig,
    /// Reads `tls` at its first connection, and never again.
    rustls: RustlsConnector,
    tunnels: Box<dyn Chain<(), Out = Box<dyn Transport>>>,
}

impl Connector {
    /// A connector with these TLS settings.
    pub(crate) fn new(tls: TlsConfig) -> Self {
        let tunnels = ().chain(SocksConnector::default()).chain(ConnectProxyConnector::default()).chain(Boxed);
        Self { tls, rustls: RustlsConnector::default(), tunnels: Box::new(tunnels) }
    }

    /// Its TLS settings.
    pub(super) const fn tls(&self) -> &TlsConfig {
        &self.tls
    }

    /// Connects to one of the addresses, encrypted if the URL says so. Returns to which.
    pub(super) fn straight(&self, details: &ConnectionDetails<'_>) -> Result<(Box<dyn Transport>, IpAddr), Error> {
        let (socket, address) = Socket::connect(details)?;
        Ok((self.encrypted(Box::new(socket), details)?, address))
    }

    /// Connects through the proxy.
    pub(super) fn through(&self, details: &ConnectionDetails<'_>) -> Result<Box<dyn Transport>, Error> {
        let tunnel = self.tunnels.connect(details, None)?.ok_or(Error::ConnectionFailed)?;
        self.encrypted(tunnel, details)
    }

    fn encrypted(
        &self,
        transport: Box<dyn Transport>,
        details: &ConnectionDetails<'_>,
    ) -> Result<Box<dyn Transport>, Error> {
        if !details.needs_tls() {
            return Ok(transport);
        }
        let encrypted = self.rustls.connect(details, Some(transport))?.ok_or(Error::TlsRequired)?;
        if encrypted.is_tls() { Ok(Box::new(encrypted)) } else { Err(Error::TlsRequired) }
    }

    /// How a proxy is connected to.
    pub(super) fn to_proxy(
        self: &Arc<Self>,
    ) -> Arc<dyn Fn(&ConnectionDetails<'_>) -> Result<Box<dyn Transport>, Error> + Send + Sync> {
        let connector = Arc::clone(self);
        Arc::new(move |details| connector.straight(details).map(|(transport, _)| transport))
    }
}

/// Ends a chain of connectors.
#[derive(Debug)]
struct Boxed;

impl<In: Transport> Chain<In> for Boxed {
    type Out = Box<dyn Transport>;

    fn connect(&self, _: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        Ok(chained.map(|connection| Box::new(connection) as Self::Out))
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}
