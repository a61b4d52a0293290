//! Times on the wire: written as RFC 3339 in UTC, read as that or as microseconds since 1970.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A time, in microseconds since 1970 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_microsecond(self.0) {
            Ok(time) => write!(f, "{time:.6}"),
            // Beyond the year 9999.
            Err(_) => write!(f, "{}", self.0),
        }
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match Timestamp::from_microsecond(self.0) {
            Ok(_) => serializer.collect_str(self),
            Err(_) => serializer.serialize_i64(self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TimeVisitor)
    }
}

struct TimeVisitor;

impl de::Visitor<'_> for TimeVisitor {
    type Value = Time;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time in RFC 3339 or in microseconds since 1970")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Time, E> {
        text.parse::<Timestamp>().map(|time| Time(time.as_microsecond())).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, micros: i64) -> Result<Time, E> {
        Timestamp::from_microsecond(micros).map(|time| Time(time.as_microsecond())).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, micros: u64) -> Result<Time, E> {
        self.visit_i64(i64::try_from(micros).map_err(E::custom)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_read_as_rfc_3339_or_microseconds_and_written_as_the_former() {
        let time = Time(1_795_552_220_412_345);
        let text = serde_json::to_string(&time).expect("it is a string");
        assert_eq!(text, "\"2026-11-24T20:30:20.412345Z\"");
        assert_eq!(serde_json::from_str::<Time>(&text).expect("it was written so"), time);
        assert_eq!(serde_json::from_str::<Time>("1795552220412345").expect("microseconds"), time);
        assert_eq!(serde_json::from_str::<Time>("\"2026-11-24T21:30:20.412345+01:00\"").expect("an offset"), time);
        for wrong in ["\"yesterday\"", "1.5", "9e99", "9223372036854775807", "true"] {
            assert!(serde_json::from_str::<Time>(wrong).is_err(), "{wrong}");
        }
    }
}
