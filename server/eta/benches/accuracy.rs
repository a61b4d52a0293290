//! Benchmark of the accuracy of estimates, compared with other estimators: `make bench-eta`, half a minute.
//!
//! `docs/eta.md` describes the method. The exit code is 1 if a target is missed.

#[path = "accuracy/mod.rs"]
mod accuracy;

use std::process::ExitCode;

use accuracy::{ASKED, EARLIER, ESTIMATORS, HALVES, Row, recorded, rivals, synthetic};

fn main() -> ExitCode {
    let mut misses = Vec::new();
    for (half, seeds) in HALVES {
        for earlier in [EARLIER, 0] {
            let rows = synthetic(&seeds, earlier);
            table(&format!("Synthetic, {half}, after {earlier} earlier runs of the kind"), &rows);
            misses.extend(rows.iter().flat_map(Row::misses).map(|miss| format!("{half}: {miss}")));
        }
    }
    let rows = recorded(true);
    table("Recorded, each after the earlier ones", &rows);
    misses.extend(rows.iter().flat_map(Row::misses));
    table("Recorded, each as the first of its kind", &recorded(false));
    for miss in &misses {
        println!("MISSED  {miss}");
    }
    ExitCode::from(u8::from(!misses.is_empty()))
}

fn table(title: &str, rows: &[Row]) {
    println!("\n### {title}\n");
    println!("Median relative error of the time left in per cent: at 25 / 50 / 75 % of the run's time, and overall.\n");
    let names = rivals().iter().map(|rival| rival.name()).collect::<Vec<_>>().join(" | ");
    println!(
        "| run | {names} | Milepost | range shown | true value in range | width |\n|---|---|---|---|---|---|---|---|"
    );
    for Row { name, score, .. } in rows {
        let errors: Vec<String> = (0..ESTIMATORS)
            .map(|estimator| {
                let at = |asked| percent(score.error(estimator, asked));
                let each: Vec<_> = (0..ASKED.len()).map(at).collect();
                format!("{}: **{}**", each.join(" / "), percent(score.overall(estimator)))
            })
            .collect();
        let (shown, inside) = (score.shown() * 100.0, score.in_range() * 100.0);
        let ranges = if shown > 0.0 {
            format!("{shown:.0} % | {inside:.0} % | ×{:.2}", score.width())
        } else {
            "0 % | |".to_owned()
        };
        println!("| {name} | {} | {ranges} |", errors.join(" | "));
    }
}

fn percent(error: f64) -> String {
    if error > 9.99 { ">999".to_owned() } else { format!("{:.1}", error * 100.0) }
}
