//! The names of time zones.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::HashSet;

use recurrence::{Field, Recurrence, zones};

#[test]
fn the_zones_to_offer_are_places_by_their_names_of_today_in_order() {
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
fn every_zone_that_is_offered_is_found_by_its_name_in_any_case() {
    for name in zones() {
        assert_eq!(Recurrence::parse("@daily", name).unwrap().zone(), name);
        assert_eq!(Recurrence::parse("@daily", &format!(" {} ", name.to_lowercase())).unwrap().zone(), name);
    }
    assert_eq!(Recurrence::parse("@daily", "asia/calcutta").unwrap().zone(), "Asia/Calcutta");
}

#[test]
fn a_zone_that_there_is_not_is_refused_with_the_remedy() {
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
        let fault = Recurrence::parse("@daily", zone).unwrap_err();
        assert_eq!(fault.field, Field::Zone);
        assert!(fault.message.starts_with(reason), "{}", fault.message);
    }
}
