//! The written forms of settings: sizes, durations, addresses, networks.

use std::{
    fmt,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    str::FromStr,
    time::Duration,
};

use ipnet::IpNet;
use serde::Deserialize;

/// `HOST:PORT` to listen on. A name is resolved; IPv4 is preferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Address(pub SocketAddr);

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found: Vec<SocketAddr> = text
            .to_socket_addrs()
            .map_err(|error| format!("`{text}` is not an address such as 127.0.0.1:3000 ({error})"))?
            .collect();
        let first = found.iter().find(|addr| addr.is_ipv4()).or(found.first());
        first.map(|addr| Self(*addr)).ok_or_else(|| format!("`{text}` has no address"))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A size in bytes, written `2GiB`, `500 MB` or as a plain number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let size: bytesize::ByteSize =
            text.parse().map_err(|_| format!("`{text}` is not a size such as 2GiB or 500MB"))?;
        Ok(Self(size.as_u64()))
    }
}

/// A duration, written `10s`, `500ms` or `2m 30s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Span(pub Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let duration =
            humantime::parse_duration(text).map_err(|_| format!("`{text}` is not a duration such as 10s or 500ms"))?;
        Ok(Self(duration))
    }
}

/// A network, written `10.0.0.0/8`, or one address of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network(pub IpNet);

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        let network = network.map_err(|_| format!("`{text}` is not a network such as 10.0.0.0/8, nor an address"))?;
        Ok(Self(network))
    }
}

// Serde parses them from text, as the command line does.
macro_rules! from_text {
    ($($name:ty),*) => {
        $(impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        })*
    };
}
from_text!(Address, Size, Span, Network);
