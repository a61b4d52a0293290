//! Address filter against server-side request forgery.
//!
//! Links may lead only to public unicast addresses (IANA special-purpose address registries): the author of a list must
//! not reach addresses that only this machine can reach.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Filters addresses when a name is resolved. The connection uses only the permitted ones; there is no second look-up
/// that could return others.
#[derive(Clone, Copy)]
pub(super) struct AddressFilter {
    /// The class of a forbidden address; `None` for a permitted one.
    refuse: fn(IpAddr) -> Option<&'static str>,
}

/// A forbidden address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{address} is {class}, which this server does not ask")]
pub(super) struct Refused {
    address: IpAddr,
    class: &'static str,
}

impl AddressFilter {
    /// Only public addresses.
    pub(super) const PUBLIC: Self = Self::new(not_public);
    /// Every address.
    pub(super) const ALL: Self = Self::new(|_| None);

    /// A filter by the given rule.
    pub(super) const fn new(refuse: fn(IpAddr) -> Option<&'static str>) -> Self {
        Self { refuse }
    }

    /// Fails if `address` is forbidden.
    pub(super) fn check(self, address: IpAddr) -> Result<(), Refused> {
        (self.refuse)(address).map_or(Ok(()), |class| Err(Refused { address, class }))
    }

    /// The permitted addresses; if there are none, the error of the first.
    fn filter(self, found: impl Iterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, io::Error> {
        let (mut kept, mut refused) = (Vec::new(), None);
        for address in found {
            match self.check(address.ip()) {
                Ok(()) => kept.push(address),
                Err(error) => drop(refused.get_or_insert(error)),
            }
        }
        match refused {
            Some(refused) if kept.is_empty() => Err(io::Error::other(refused)),
            Some(_) | None => Ok(kept),
        }
    }
}

impl Resolve for AddressFilter {
    fn resolve(&self, name: Name) -> Resolving {
        let filter = *self;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let kept = filter.filter(found)?;
            Ok(Box::new(kept.into_iter()) as Addrs)
        })
    }
}

/// The class of an address that is not public.
fn not_public(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => not_public_v4(address),
        IpAddr::V6(address) => not_public_v6(address),
    }
}

fn not_public_v4(address: Ipv4Addr) -> Option<&'static str> {
    match address.octets() {
        [127, ..] => Some("a loopback address"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Some("a private address"),
        [169, 254, ..] => Some("a link-local address"),
        [100, 64..=127, ..] => Some("a shared address (carrier-grade NAT)"),
        [0, ..] => Some("an address of \"this\" network"),
        [224..=239, ..] => Some("a multicast address"),
        [192, 0, 0 | 2, _]
        | [198, 18 | 19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [192, 88, 99, _]
        | [240..=255, ..] => Some("a reserved address"),
        _ => None,
    }
}

fn not_public_v6(address: Ipv6Addr) -> Option<&'static str> {
    let embedded = |high: u16, low: u16| not_public_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("a loopback address"),
        [0, 0, 0, 0, 0, 0, 0, 0] => Some("the unspecified address"),
        // Embedded IPv4 addresses: mapped, compatible, NAT64 and 6to4.
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            embedded(high, low)
        }
        [0xfe80..=0xfebf, ..] => Some("a link-local address"),
        [0xfc00..=0xfdff, ..] => Some("a unique local address"),
        [0xff00..=0xffff, ..] => Some("a multicast address"),
        // Teredo and the other assignments below 2001:200::, and the two blocks for documentation.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Some("a reserved address"),
        [0x2000..=0x3fff, ..] => None,
        _ => Some("a reserved address"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> bool {
        let address = text.parse().expect("an address");
        AddressFilter::PUBLIC.check(address).is_err()
    }

    #[test]
    fn only_public_unicast_addresses_pass() {
        let closed = "127.0.0.1 127.8.9.1 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1 \
             100.127.255.255 0.0.0.0 224.0.0.1 239.1.1.1 255.255.255.255 240.0.0.1 192.0.2.1 198.18.0.1 \
             198.19.255.255 203.0.113.9 :: ::1 fe80::1 fc00::1 fdff::1 ff02::1 fec0::1 2001:db8::1 2001::1 100::1 \
             ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b:1::1 2002:7f00:1:: \
             2002:a00:1::1 5f00::1";
        for address in closed.split(' ') {
            assert!(refused(address), "{address} must be refused");
        }
        let open = "1.1.1.1 93.184.216.34 172.15.0.1 172.32.0.1 100.63.0.1 100.128.0.1 169.253.0.1 2606:4700::1111 \
             2a00:1450:4001::1 ::ffff:1.1.1.1 64:ff9b::1.1.1.1 2001:4860:4860::8888";
        for address in open.split(' ') {
            assert!(!refused(address), "{address} must pass");
        }
    }

    #[test]
    fn only_public_addresses_of_name_are_used() {
        let (private, public): (SocketAddr, SocketAddr) =
            ("10.0.0.1:0".parse().expect("an address"), "1.1.1.1:0".parse().expect("an address"));
        assert_eq!(AddressFilter::PUBLIC.filter([private, public].into_iter()).expect("one is left"), [public]);
        assert!(AddressFilter::PUBLIC.filter([private].into_iter()).is_err());
        assert!(AddressFilter::ALL.filter([private].into_iter()).is_ok());
    }
}
