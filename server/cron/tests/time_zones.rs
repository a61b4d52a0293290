//! Time zone names.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::HashSet;

use cron::{Cron, Field, zones};

#[test]
fn offered_time_zones_are_current_names_in_order() {
    let names: Vec<&str> = zones().collect();
    assert!(names.is_sorted());
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
    assert!((400..450).contains(&names.len()), "{}", names.len());
    for offered in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Asia/Kolkata", "Pacific/Apia"] {
        assert!(names.contains(&offered), "{offered}");
    }
    for old in ["EST", "EST5EDT", "US/Eastern", "Etc/GMT+2", "Asia/Calcutta", "Europe/Kiev", "GMT", "Factory", "GB"] {
        assert!(!names.contains(&old), "{old}");
    }
}

#[test]
fn offered_time_zones_are_found_in_any_case() {
    for name in zones() {
        assert_eq!(Cron::parse("@daily", name).unwrap().zone(), name);
        assert_eq!(Cron::parse("@daily", &format!(" {} ", name.to_lowercase())).unwrap().zone(), name);
    }
    assert_eq!(Cron::parse("@daily", "asia/calcutta").unwrap().zone(), "Asia/Calcutta");
}

#[test]
fn unknown_time_zone_is_rejected_with_correction() {
    let long = "Europe/".repeat(100_000);
    for (zone, reason) in [
        ("", "Write the name of a time zone"),
        ("  ", "Write the name of a time zone"),
        ("Mars/Olympus_Mons", "There is no time zone Mars/Olympus_Mons; write the name of one, such as Europe/Berlin"),
        ("+02:00", "There is no time zone +02:00"),
        ("../../etc/passwd", "There is no time zone ../../etc/passwd"),
        ("Europe/Berlin\u{0}", "There is no time zone Europe/Berlin;"),
        (&long, "There is no time zone Europe/Europe/Europe/Europe/Europe/Europ;"),
    ] {
        let error = Cron::parse("@daily", zone).unwrap_err();
        assert_eq!(error.field, Field::Zone);
        assert!(error.message.starts_with(reason), "{}", error.message);
    }
}
