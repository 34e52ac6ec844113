//! Opens connections to a server, either directly or through a tunnel of a proxy.

use std::net::IpAddr;
use std::sync::Arc;

use ureq::Error;
use ureq::tls::TlsConfig;
use ureq::unversioned::transport::{
    Buffers, ConnectProxyConnector, ConnectionDetails, Connector as Chain, NextTimeout, RustlsConnector,
    SocksConnector, Transport,
};

use crate::net::deadline::Deadline;
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

    /// Returns the function with which ureq connects to a proxy. The tunnel has to stand at `deadline`.
    pub(super) fn to_proxy(self: &Arc<Self>, deadline: Deadline) -> Arc<Connect> {
        let connector = Arc::clone(self);
        Arc::new(move |details| {
            let (transport, _) = connector.connect_direct(details)?;
            Ok(Box::new(ToProxy { transport, deadline: Some(deadline), has_asked: false }))
        })
    }
}

/// A connection to a proxy. ureq allows the whole timeout for each piece of the proxy's answer, so this ends every wait at
/// the deadline until the tunnel stands.
#[derive(Debug)]
struct ToProxy {
    transport: Box<dyn Transport>,
    /// `None` once the tunnel stands.
    deadline: Option<Deadline>,
    /// The request for the tunnel was sent.
    has_asked: bool,
}

impl ToProxy {
    fn limit(&self, timeout: NextTimeout) -> Result<NextTimeout, Error> {
        self.deadline.map_or(Ok(timeout), Deadline::next_timeout)
    }
}

impl Transport for ToProxy {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.transport.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        // Nothing is sent between the request for the tunnel and the first bytes in it, and those are always the client's.
        if self.has_asked {
            self.deadline = None;
        }
        self.transport.transmit_output(amount, self.limit(timeout)?)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.has_asked = true;
        self.transport.await_input(self.limit(timeout)?)
    }

    fn is_open(&mut self) -> bool {
        self.transport.is_open()
    }

    fn is_tls(&self) -> bool {
        self.transport.is_tls()
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
