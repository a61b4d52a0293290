//! Lists in English.

use crate::values::Values;

/// The conjunction before the last item: `1, 2 and 3`, or `1, 2 or 3`.
#[derive(Clone, Copy)]
pub(super) enum Last {
    And,
    Or,
}

/// Joins items: `a`, `a and b`, `a, b and c`.
pub(super) fn join(items: &[String], last: Last) -> String {
    let word = match last {
        Last::And => "and",
        Last::Or => "or",
    };
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., end] => format!("{} {word} {end}", first.join(", ")),
    }
}

/// Names the values, with ranges abbreviated: `5`, `1 to 5`, or `0, 7 and so on up to 56`.
pub(super) fn shorten(values: Values, name: impl Fn(u8) -> String) -> Vec<String> {
    let all: Vec<u8> = values.iter().collect();
    if let Some(step) = step(values)
        && step > 1
        && all.len() > 5
    {
        let (first, last) = (all[0], all[all.len() - 1]);
        return vec![format!("{}, {} and so on up to {}", name(first), name(first + step), name(last))];
    }
    let runs = all.chunk_by(|a, b| a + 1 == *b);
    runs.flat_map(|run| match run {
        [first, _, .., last] => vec![format!("{} to {}", name(*first), name(*last))],
        few => few.iter().map(|value| name(*value)).collect(),
    })
    .collect()
}

/// Returns the distance between the values, if there are several and the distance is constant.
pub(super) fn step(values: Values) -> Option<u8> {
    let all: Vec<u8> = values.iter().collect();
    let step = all.get(1)? - all[0];
    all.windows(2).all(|pair| pair[1] - pair[0] == step).then_some(step)
}
