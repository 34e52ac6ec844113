//! Ports for servers that are told where to listen.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

/// A TCP port of the loopback interface that no other test takes, of this process or another, also before a server listens
/// there and while it is away: only the holder of the UDP port of the same number uses it. `tests/php/Support/FreePort.php`
/// follows the same rule.
pub(crate) struct Port {
    pub(crate) number: u16,
    _reservation: UdpSocket,
}

impl Port {
    /// A port that no outgoing connection takes either: those begin at 32768.
    pub(crate) fn free() -> Self {
        loop {
            let drawn = RandomState::new().build_hasher().finish();
            let number = 10_000 + u16::try_from(drawn % 20_000).expect("a small number");
            let Ok(reservation) = UdpSocket::bind((Ipv4Addr::LOCALHOST, number)) else { continue };
            if TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok() {
                return Self { number, _reservation: reservation };
            }
        }
    }

    /// Where to listen, or to connect to.
    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.number).into()
    }
}
