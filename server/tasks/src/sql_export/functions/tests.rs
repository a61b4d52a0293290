//! Comparison of the replaced functions with those of SQLite.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use super::*;

/// Longest result of a test.
const MOST: usize = 1 << 20;

fn both(stop: Stop) -> [Connection; 2] {
    let [own, other] = [(), ()].map(|()| Connection::open_in_memory().expect("a database"));
    replace_quadratic(&other, MOST, &stop).expect("they can be replaced");
    [own, other]
}

/// A random literal of few characters, so that patterns sometimes match.
fn literal(random: &mut StdRng) -> String {
    const SIGNS: [char; 18] =
        ['a', 'A', 'b', '%', '_', '*', '?', '[', ']', '^', '-', '\\', 'ü', 'Ü', '😀', '0', 'f', '\''];
    const NUMBERS: [&str; 14] = [
        "null",
        "0",
        "-7",
        "10",
        "0.5",
        "1e15",
        "123456789012345678",
        "1e-5",
        "-1.5e300",
        "0.1",
        "1e14",
        "9e999",
        "-9e999",
        "100.0",
    ];
    match random.random_range(0..10) {
        0 => NUMBERS.choose(random).expect("there are some").to_string(),
        1 => format!("x'{}'", ["", "61", "6162", "c3bc", "00", "6100ff"].choose(random).expect("there are some")),
        _ => {
            let length = random.random_range(0..8);
            let text: String = (0..length).map(|_| *SIGNS.choose(random).expect("there are some")).collect();
            format!("'{}'", text.replace('\'', "''"))
        }
    }
}

#[test]
fn replaced_functions_agree_with_sqlite() {
    let connections = both(Arc::new(|| false));
    let mut random = StdRng::seed_from_u64(7);
    for _ in 0..20_000 {
        let [a, b, c] = [(), (), ()].map(|()| literal(&mut random));
        let calls = [
            format!("instr({a}, {b})"),
            format!("replace({a}, {b}, {c})"),
            format!("trim({a}, {b})"),
            format!("ltrim({a}, {b})"),
            format!("rtrim({a}, {b})"),
            format!("unhex({a}, {b})"),
            format!("{a} like {b}"),
            format!("{a} like {b} escape {c}"),
            format!("{a} not like {b} escape '\\'"),
            format!("{a} glob {b}"),
        ];
        for call in &calls {
            // Bytes that are not UTF-8 are not exported as text; hex would show how they are replaced.
            if call.contains("ff'") {
                continue;
            }
            let [own, other] = connections.each_ref().map(|connection| {
                let select = format!("select typeof({call}), hex({call})");
                let row =
                    connection.query_row(&select, [], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)));
                row.map_err(|error| error.to_string())
            });
            assert_eq!(own, other, "{call}");
        }
    }
}

#[test]
fn numbers_become_the_text_of_sqlite() {
    let [own, other] = both(Arc::new(|| false));
    let mut random = StdRng::seed_from_u64(8);
    for round in 0..20_000 {
        let number = match round % 3 {
            0 => f64::from_bits(random.random()),
            1 => random.random_range(-1e6..1e6),
            _ => f64::from(random.random_range(-100_000..100_000)) / 100.0,
        };
        if number.is_nan() {
            continue;
        }
        let select = "select replace(?, '~', '')";
        let text = |connection: &Connection| connection.query_row(select, [number], |row| row.get::<_, String>(0));
        let (own, other) = (text(&own).expect("a text"), text(&other).expect("a text"));
        // SQLite's last digit of fifteen may differ by rounding.
        let close = own == other || {
            let [own, other] = [&own, &other].map(|text| text.parse::<f64>().expect("a number"));
            (own - other).abs() <= own.abs() * 1e-14
        };
        assert!(close, "{own} is not {other}");
    }
}

#[test]
fn long_arguments_are_processed_in_linear_time() {
    let [_, connection] = both(Arc::new(|| false));
    let long = "cast(zeroblob(8000000) as blob)";
    let text = "replace(hex(zeroblob(500000)), '0', 'a')";
    let begin = Instant::now();
    for call in [
        format!("instr({long}, cast(zeroblob(4000000) || x'01' as blob))"),
        format!("replace({text}, substr({text}, 1, 400000) || 'b', '')"),
        format!("trim({text}, {text} || 'b')"),
        format!("unhex(replace({text}, 'a', 'z'), {text} || 'z')"),
    ] {
        connection.query_row(&format!("select {call}"), [], |_| Ok(())).expect("it is answered");
    }
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}

#[test]
fn slow_match_is_interrupted() {
    let stopped = Arc::new(AtomicBool::new(false));
    let own = Arc::clone(&stopped);
    let [_, connection] = both(Arc::new(move || own.swap(true, Ordering::Relaxed)));
    let text = "replace(hex(zeroblob(500000)), '0', 'a')";
    for pattern in ["'%' || substr({text}, 1, 40000) || 'b'", "'%' || substr({text}, 1, 40000) || 'b%'"] {
        let pattern = pattern.replace("{text}", text);
        stopped.store(false, Ordering::Relaxed);
        let select = format!("select {text} like {pattern}");
        let error = connection.query_row(&select, [], |_| Ok(())).expect_err("interrupted");
        assert_eq!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::OperationInterrupted), "{error}");
    }
}

#[test]
fn long_pattern_needs_no_stack() {
    let [_, connection] = both(Arc::new(|| false));
    let select = "select replace(hex(zeroblob(25000)), '0', 'a') like replace(hex(zeroblob(12000)), '0', '%a')";
    let small = std::thread::Builder::new().stack_size(256 << 10);
    let matched = small.spawn(move || connection.query_row(select, [], |row| row.get::<_, bool>(0)));
    assert!(matched.expect("a thread").join().expect("it ends").expect("an answer"));
}
