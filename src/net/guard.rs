//! The address guard: refuses forbidden addresses. Pure.
//!
//! It prevents server-side request forgery: an attacker who controls the URL of an endpoint, or the DNS of its host, must not
//! be able to make this process send requests into networks that only this process can reach. The rules check the very
//! address that the socket connects to, so a second DNS lookup cannot bypass them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use thiserror::Error;

/// Cloud metadata services, which return a machine's credentials. In this order: Amazon, Google, Oracle, `DigitalOcean` and
/// most others; Amazon's for the containers of ECS, then of EKS; Google's for Kubernetes; Tencent; Alibaba; Oracle's older
/// one; Azure's host agent.
const METADATA_V4: [Ipv4Addr; 8] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(169, 254, 170, 23),
    Ipv4Addr::new(169, 254, 169, 252),
    Ipv4Addr::new(169, 254, 0, 23),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(168, 63, 129, 16),
];

/// Metadata services over IPv6, in this order: Amazon, and Amazon's for the containers of EKS; `OpenStack`; Oracle; Google;
/// Scaleway.
const METADATA_V6: [Ipv6Addr; 6] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe),
    Ipv6Addr::new(0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42),
];

/// The rules for allowed addresses. Cloud metadata services are never allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddressRules {
    /// Denies private, loopback and multicast addresses. Meant for URLs from untrusted sources.
    pub deny_private_networks: bool,
    /// Allows link-local addresses.
    pub allow_link_local: bool,
}

/// The reason that an address is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum AddressRefusal {
    /// A cloud's metadata service.
    #[error("a cloud's metadata service")]
    Metadata,
    /// Link-local, the range that most metadata services are in.
    #[error("link-local, which allow_link_local would allow")]
    LinkLocal,
    /// Private, loopback, multicast or reserved.
    #[error("not public, which deny_private_networks refuses")]
    Private,
}

/// Checks whether `address` may be connected to.
pub(crate) fn check(address: IpAddr, rules: AddressRules) -> Result<(), AddressRefusal> {
    let refusal = match plain(address) {
        IpAddr::V4(v4) => judge_v4(v4),
        IpAddr::V6(v6) => judge_v6(v6),
    };
    match refusal {
        Some(AddressRefusal::LinkLocal) if rules.allow_link_local => Ok(()),
        Some(AddressRefusal::Private) if !rules.deny_private_networks => Ok(()),
        Some(refusal) => Err(refusal),
        None => Ok(()),
    }
}

/// Returns `true` if `address` is public.
pub(crate) fn is_public(address: IpAddr) -> bool {
    check(address, AddressRules { deny_private_networks: true, allow_link_local: false }).is_ok()
}

/// Returns the IPv4 address that an IPv6 address contains, or `address` itself. Handles the mapped form (`::ffff:10.0.0.1`),
/// the compatible form (`::10.0.0.1`), translation (`64:ff9b::10.0.0.1`) and 6to4 (`2002:a00:1::`).
fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let (high, low) = match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            (high, low)
        }
        // Excludes `::1` and similar addresses, whose upper half is zero.
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => (high, low),
        _ => return address,
    };
    IpAddr::V4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
}

fn judge_v4(address: Ipv4Addr) -> Option<AddressRefusal> {
    let [a, b, c, _] = address.octets();
    if METADATA_V4.contains(&address) {
        return Some(AddressRefusal::Metadata);
    }
    if address.is_link_local() {
        return Some(AddressRefusal::LinkLocal);
    }
    let shared = a == 100 && (64..128).contains(&b);
    let benchmarks = a == 198 && (18..20).contains(&b);
    let protocols = (a, b, c) == (192, 0, 0);
    let private = a == 0
        || a >= 224
        || address.is_private()
        || address.is_loopback()
        || address.is_documentation()
        || shared
        || benchmarks
        || protocols;
    private.then_some(AddressRefusal::Private)
}

fn judge_v6(address: Ipv6Addr) -> Option<AddressRefusal> {
    if METADATA_V6.contains(&address) {
        return Some(AddressRefusal::Metadata);
    }
    if address.is_unicast_link_local() {
        return Some(AddressRefusal::LinkLocal);
    }
    let [first, second, ..] = address.segments();
    let site_local = first & 0xffc0 == 0xfec0;
    let local_translator = (first, second) == (0x64, 0xff9b);
    let documentation = (first, second) == (0x2001, 0xdb8);
    let private = address.is_unspecified()
        || address.is_loopback()
        || address.is_multicast()
        || address.is_unique_local()
        || site_local
        || local_translator
        || documentation;
    private.then_some(AddressRefusal::Private)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: AddressRules = AddressRules { deny_private_networks: false, allow_link_local: false };
    const LINK: AddressRules = AddressRules { deny_private_networks: false, allow_link_local: true };
    const STRICT: AddressRules = AddressRules { deny_private_networks: true, allow_link_local: false };

    fn verdict(address: &str, rules: AddressRules) -> Result<(), AddressRefusal> {
        check(address.parse().unwrap(), rules)
    }

    #[test]
    fn no_rule_allows_a_metadata_service_in_any_notation() {
        for address in [
            "169.254.169.254",
            "169.254.170.2",
            "169.254.170.23",
            "169.254.169.252",
            "169.254.0.23",
            "100.100.100.200",
            "192.0.0.192",
            "168.63.129.16",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fe80::a9fe:a9fe",
            "fd00:c1::a9fe:a9fe",
            "fd20:ce::254",
            "fd00:42::42",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::169.254.169.254",
            "2002:a9fe:a9fe::1",
        ] {
            for rules in [OPEN, LINK, STRICT] {
                assert_eq!(verdict(address, rules), Err(AddressRefusal::Metadata), "{address}");
            }
        }
    }

    #[test]
    fn link_local_addresses_are_refused_unless_allowed() {
        for address in ["169.254.0.1", "169.254.171.2", "fe80::1", "febf::1", "::ffff:169.254.1.1"] {
            assert_eq!(verdict(address, OPEN), Err(AddressRefusal::LinkLocal), "{address}");
            assert_eq!(verdict(address, STRICT), Err(AddressRefusal::LinkLocal), "{address}");
            assert_eq!(verdict(address, LINK), Ok(()), "{address}");
        }
    }

    #[test]
    fn private_addresses_are_refused_only_when_denied() {
        for address in [
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "0.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "198.18.0.1",
            "192.0.0.8",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fc00::1",
            "fdff::1",
            "fec0::1",
            "ff02::1",
            "64:ff9b:1::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::192.168.0.1",
            "2002:7f00:1::",
        ] {
            assert_eq!(verdict(address, STRICT), Err(AddressRefusal::Private), "{address}");
            assert_eq!(verdict(address, OPEN), Ok(()), "{address}");
        }
    }

    #[test]
    fn public_addresses_are_never_refused() {
        for address in [
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.1",
            "172.32.0.1",
            "169.253.1.1",
            "198.20.0.1",
            "223.255.255.254",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2002:101:101::",
        ] {
            assert_eq!(verdict(address, STRICT), Ok(()), "{address}");
        }
    }

    #[test]
    fn the_last_bytes_of_a_translated_address_count() {
        assert_eq!(verdict("64:ff9b::100.100.100.200", OPEN), Err(AddressRefusal::Metadata));
        assert_eq!(verdict("64:ff9b::100.100.100.201", OPEN), Ok(()));
        assert_eq!(verdict("::2", STRICT), Ok(()), "it contains no IPv4 address");
    }

    #[test]
    fn private_and_link_local_addresses_are_not_public() {
        let public =
            ["1.1.1.1", "10.0.0.1", "169.254.0.1", "fd00::1"].map(|address| is_public(address.parse().unwrap()));
        assert_eq!(public, [true, false, false, false]);
    }
}
