//! Opens connections to a server, either directly or through a tunnel of a proxy.

use std::net::IpAddr;
use std::sync::Arc;

use ureq::Error;
use ureq::tls::TlsConfig;
use ureq::unversioned::transport::{
    ConnectProxyConnector, ConnectionDetails, Connector as Chain, RustlsConnector, SocksConnector, Transport,
};

use crate::net::socket::Socket;

/// A function that connects to a proxy.
type Connect = dyn Fn(&ConnectionDetails<'_>) -> Result<Box<dyn Transport>, Error> + Send + Sync;

/// Opens connections with one TLS configuration.
///
/// Clients with the same certificates share a connector, because rustls needs about 100 kB for the roots and the sessions of
/// each.
pub(crate) struct Connector {
    pub(super) tls: TlsConfig,
    /// Builds its configuration from `tls` on the first connection.
    rustls: RustlsConnector,
    tunnels: Box<dyn Chain<(), Out = Box<dyn Transport>>>,
}

impl Connector {
    /// Creates a connector with these TLS settings.
    pub(crate) fn new(tls: TlsConfig) -> Self {
        let tunnels = ().chain(SocksConnector::default()).chain(ConnectProxyConnector::default()).chain(Boxed);
        Self { tls, rustls: RustlsConnector::default(), tunnels: Box::new(tunnels) }
    }

    /// Connects to one of the addresses, with TLS for `https://`. Returns the connection and that address.
    pub(super) fn connect_direct(
        &self,
        details: &ConnectionDetails<'_>,
    ) -> Result<(Box<dyn Transport>, IpAddr), Error> {
        let (socket, address) = Socket::connect(details)?;
        Ok((self.encrypted(Box::new(socket), details)?, address))
    }

    /// Connects through a tunnel of the proxy, with TLS for `https://`.
    pub(super) fn connect_tunnel(&self, details: &ConnectionDetails<'_>) -> Result<Box<dyn Transport>, Error> {
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

    /// Returns the function with which ureq connects to a proxy.
    pub(super) fn to_proxy(self: &Arc<Self>) -> Arc<Connect> {
        let connector = Arc::clone(self);
        Arc::new(move |details| connector.connect_direct(details).map(|(transport, _)| transport))
    }
}

/// The last connector of a chain. Boxes the connection.
#[derive(Debug)]
struct Boxed;

impl<In: Transport> Chain<In> for Boxed {
    type Out = Box<dyn Transport>;

    fn connect(&self, _: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        Ok(chained.map(|connection| Box::new(connection) as Self::Out))
    }
}
