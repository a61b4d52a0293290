//! Numbers as people read them.

use model::{bytes, count, duration, fixed, left, percent, quantity, rate};

#[test]
fn percentage_is_floored_and_100_only_at_the_end() {
    assert_eq!(percent(0.0), 0);
    assert_eq!(percent(0.579_9), 57);
    assert_eq!(percent(0.999_999), 99);
    assert_eq!(percent(1.0), 100);
    assert_eq!(percent(-1.0), 0);
    assert_eq!(percent(7.0), 100);
}

#[test]
fn fraction_is_rounded_to_given_digits() {
    assert_eq!(fixed(57.999, 2), "58.00");
    assert_eq!(fixed(57.304, 2), "57.30");
    assert_eq!(fixed(0.07, 1), "0.1");
    assert_eq!(fixed(8.06, 0), "8");
    assert_eq!(fixed(-0.3, 1), "0.0");
    assert_eq!(fixed(f64::NAN, 1), "0.0");
}

#[test]
fn thousands_are_grouped() {
    assert_eq!(count(0), "0");
    assert_eq!(count(999), "999");
    assert_eq!(count(1_000), "1,000");
    assert_eq!(count(1_234_567), "1,234,567");
    assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
}

#[test]
fn size_is_decimal_with_two_or_three_digits() {
    assert_eq!(bytes(0), "0 B");
    assert_eq!(bytes(999), "999 B");
    assert_eq!(bytes(1_000), "1.0 kB");
    assert_eq!(bytes(31_400), "31 kB");
    assert_eq!(bytes(999_499), "999 kB");
    assert_eq!(bytes(999_500), "1.0 MB");
    assert_eq!(bytes(1_900_000_000), "1.9 GB");
    assert_eq!(bytes(812_000_000_000), "812 GB");
}

#[test]
fn amount_and_speed_have_a_unit() {
    assert_eq!(quantity(184_000_000, "B"), "184 MB");
    assert_eq!(quantity(748_812, "rows"), "748,812 rows");
    assert_eq!(quantity(5, ""), "5");
    assert_eq!(rate(2_317.9, "rows"), "2,318 rows/s");
    assert_eq!(rate(0.42, "links"), "0.4 links/s");
    assert_eq!(rate(214_000_000.0, "B"), "214 MB/s");
    assert_eq!(rate(-3.0, "B"), "0 B/s");
}

#[test]
fn duration_has_two_units() {
    assert_eq!(duration(0.84), "0.8 s");
    assert_eq!(duration(9.96), "10 s");
    assert_eq!(duration(59.4), "59 s");
    assert_eq!(duration(59.6), "1 min 00 s");
    assert_eq!(duration(471.0), "7 min 51 s");
    assert_eq!(duration(6_720.0), "1 h 52 min");
    assert_eq!(duration(133_200.0), "1 d 13 h");
    assert_eq!(duration(0.02), "< 0.1 s");
    assert_eq!(duration(-5.0), "< 0.1 s");
}

#[test]
fn time_left_is_a_coarse_range_that_contains_the_estimate() {
    assert_eq!(left(301.0, 412.0), "5–7 min left");
    assert_eq!(left(0.4, 3.0), "up to 5 s left");
    assert_eq!(left(21.0, 29.0), "20–30 s left");
    assert_eq!(left(50.0, 95.0), "up to 2 min left");
    assert_eq!(left(6_000.0, 9_000.0), "1–3 h left");
    assert_eq!(left(200_000.0, 300_000.0), "2–4 d left");
}
