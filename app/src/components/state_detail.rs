use model::{JobView, Micros, Shown, count, duration};

use super::{job_text::reached, timestamp::local_time};

/// State detail: a short text beside the state, such as `3rd in queue` or `at 71 %`. Empty if there is none.
pub fn state_detail(job: &JobView, now: Micros) -> String {
    match job.shown() {
        Shown::Scheduled => job.run_at.map(local_time).unwrap_or_default(),
        Shown::Retrying => {
            let wait = job.run_at.map_or(0.0, |at| at.seconds_since(now).max(0.0)) as u64;
            let most = job.max_attempts.max(job.attempt);
            format!("attempt {} of {most} in {}:{:02}", job.attempt, wait / 60, wait % 60)
        }
        Shown::Queued => job.position.map(in_line).unwrap_or_default(),
        Shown::Running => match job.quiet_for(now) {
            Some(seconds) => format!("no update for {}", duration(seconds)),
            None => String::new(),
        },
        Shown::Cancelling | Shown::NotResponding => match job.cancel_requested_at {
            Some(at) => format!("{} s", now.seconds_since(at).max(0.0) as u64),
            None => String::new(),
        },
        Shown::NoContact => match job.no_contact_since {
            Some(at) => format!("for {}", duration(now.seconds_since(at).max(0.0))),
            None => String::new(),
        },
        Shown::Warnings => count(job.progress.warnings),
        Shown::Failed | Shown::Cancelled | Shown::Interrupted => match reached(job) {
            Some(percent) => format!("at {percent}\u{a0}%"),
            None => String::new(),
        },
        Shown::Pausing => "at the next checkpoint".to_owned(),
        Shown::Paused | Shown::Succeeded => String::new(),
    }
}

/// Title of the browser tab: `57 % Import orders.csv`, `Failed: Import orders.csv`.
pub fn document_title(job: &JobView) -> String {
    match (job.shown(), job.percent()) {
        (Shown::Running, Some(percent)) => format!("{percent}\u{a0}% {}", job.title),
        (shown, _) => format!("{}: {}", shown.label(), job.title),
    }
}

/// `next in queue`, `2nd in queue`, `13th in queue`.
fn in_line(position: u32) -> String {
    if position <= 1 {
        return "next in queue".to_owned();
    }
    let ending = match (position % 100, position % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{}{ending} in queue", count(u64::from(position)))
}
