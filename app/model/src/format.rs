//! Formatting of numbers, sizes, durations and ranges of time left, for server and browser alike.

/// `57` from `0.5799`: floored, and 100 only from exactly 1.
pub fn percent(fraction: f64) -> u32 {
    (fraction.clamp(0.0, 1.0) * 100.0).floor() as u32
}

/// `0.58` from `0.5799` with two digits: rounded, and never below 0. Uses integers: Rust's formatting of floats would
/// be a tenth of the wasm that a page loads.
pub fn fixed(value: f64, digits: u32) -> String {
    let one = 10_u64.pow(digits);
    let all = (value * one as f64).round() as u64;
    match digits {
        0 => all.to_string(),
        _ => format!("{}.{:0width$}", all / one, all % one, width = digits as usize),
    }
}

/// `1,200,000`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `812 GB`, `1.9 GB`, `31 kB`: decimal units, two or three digits.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = u32::from(unit > 0 && value < 9.95);
    format!("{} {}", fixed(value, digits), UNITS[unit])
}

/// An amount with its unit: `184 MB` for `B`, else `1,200 rows`.
pub fn quantity(n: u64, unit: &str) -> String {
    match unit {
        "B" => bytes(n),
        "" => count(n),
        unit => format!("{} {unit}", count(n)),
    }
}

/// A speed with its unit: `214 MB/s`, `2,318 rows/s`, `0.4 rows/s`.
pub fn rate(per_second: f64, unit: &str) -> String {
    if unit == "B" {
        return format!("{}/s", bytes(per_second.max(0.0) as u64));
    }
    let number = if per_second < 9.95 { fixed(per_second, 1) } else { count(per_second.round() as u64) };
    if unit.is_empty() { format!("{number}/s") } else { format!("{number} {unit}/s") }
}

/// A range of seconds, coarse: `5–7 min left`, `20–30 s left`, `up to 2 min left`. Rounded outwards, so that the
/// range contains the estimate.
pub fn left(low: f64, high: f64) -> String {
    let (step, unit, per_unit) = match high {
        ..90.0 => (5.0, "s", 5),
        ..5_400.0 => (60.0, "min", 1),
        ..172_800.0 => (3_600.0, "h", 1),
        _ => (86_400.0, "d", 1),
    };
    let (low, high) = ((low / step) as u64 * per_unit, (high / step).ceil() as u64 * per_unit);
    if low == 0 { format!("up to {high} {unit} left") } else { format!("{low}–{high} {unit} left") }
}

/// Two units: `< 0.1 s`, `0.8 s`, `38 s`, `7 min 51 s`, `1 h 52 min`, `1 d 13 h`.
pub fn duration(seconds: f64) -> String {
    if seconds < 0.05 {
        return "< 0.1 s".to_owned();
    }
    if seconds < 9.95 {
        return format!("{} s", fixed(seconds, 1));
    }
    let s = seconds.round() as u64;
    match s {
        0..60 => format!("{s} s"),
        60..3_600 => format!("{} min {:02} s", s / 60, s % 60),
        3_600..86_400 => format!("{} h {:02} min", s / 3_600, s % 3_600 / 60),
        _ => format!("{} d {:02} h", s / 86_400, s % 86_400 / 3_600),
    }
}
