//! Ports for servers that need a fixed one.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

/// A TCP port of the loopback interface that no other test uses, in this process or another, until this process ends: the
/// engine of a test that has ended may still look for its Redis there. The rule: only the holder of the UDP port with the
/// same number may use it. `tests/php/Support/FreePort.php` follows the same rule.
pub(crate) struct Port {
    pub(crate) number: u16,
}

impl Port {
    /// Reserves a port. Outgoing connections do not use it either: their ports start at 32768.
    pub(crate) fn free() -> Self {
        loop {
            let drawn = RandomState::new().build_hasher().finish();
            let number = 10_000 + u16::try_from(drawn % 20_000).expect("a small number");
            let Ok(reservation) = UdpSocket::bind((Ipv4Addr::LOCALHOST, number)) else { continue };
            if TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok() {
                std::mem::forget(reservation);
                return Self { number };
            }
        }
    }

    /// Reserves a port, and the one 10 000 above it for the bus of a Redis Cluster.
    pub(crate) fn with_bus() -> (Self, Self) {
        loop {
            let port = Self::free();
            let Ok(reservation) = UdpSocket::bind((Ipv4Addr::LOCALHOST, port.number + 10_000)) else { continue };
            let bus = Self { number: port.number + 10_000 };
            if bus.number < 30_000 && TcpListener::bind(bus.address()).is_ok() {
                std::mem::forget(reservation);
                return (port, bus);
            }
        }
    }

    /// Returns the address to listen on or connect to.
    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.number).into()
    }
}
