//! How a reported end becomes the outcome of an attempt.

use model::{Failure, Micros};
use wire::{Finish, ReportedState};

use super::clock_offset::ClockOffset;
use crate::store::Outcome;

/// The outcome that a reporter gives. An exit code or a signal decides, unless the reporter names the state.
pub(super) fn outcome(finish: &Finish) -> Outcome {
    let message = finish.message.clone().filter(|message| !message.trim().is_empty());
    let failed = |code: String, otherwise: String| Outcome::Failed {
        failure: Failure { code, message: message.clone().unwrap_or(otherwise) },
        trace: String::new(),
    };
    match (finish.state, &finish.signal, finish.exit_code) {
        (Some(ReportedState::Cancelled), signal, _) => {
            let stopped = signal.as_ref().map(|signal| format!("stopped by the signal {}", signal_name(signal)));
            let failure =
                message.clone().or(stopped).map(|message| Failure { code: "stopped_there".to_owned(), message });
            Outcome::Cancelled { failure, trace: String::new() }
        }
        (Some(ReportedState::Succeeded), _, _) | (None, None, None | Some(0)) => {
            let result = finish.result.as_ref().map_or_else(|| "null".to_owned(), ToString::to_string);
            Outcome::Succeeded { output: result }
        }
        (_, Some(signal), _) => {
            let name = signal_name(signal);
            failed(format!("signal_{}", name.to_lowercase()), format!("the program was ended by the signal {name}"))
        }
        (_, None, Some(code)) if code != 0 => {
            failed(format!("exit_{code}"), format!("the program ended with code {code}"))
        }
        (Some(ReportedState::Failed) | None, None, _) => failed("failed".to_owned(), "the program failed".to_owned()),
    }
}

/// When the run ended by the server's clock. Its own duration, from a monotonic clock, is better than its time.
pub(super) fn ended_at(
    finish: &Finish,
    started_at: Micros,
    is_first: bool,
    offset: &ClockOffset,
    now: Micros,
) -> Micros {
    if let Some(seconds) = finish.elapsed.filter(|_| is_first) {
        let micros = (seconds * 1e6).min(i64::MAX as f64 / 4.0) as i64;
        return Micros(started_at.0.saturating_add(micros).min(now.0));
    }
    finish.at.map_or(now, |at| offset.correct(at, started_at, now))
}

/// The name of a signal without `SIG`: letters and digits only.
fn signal_name(signal: &str) -> String {
    let name: String = signal.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_uppercase();
    name.strip_prefix("SIG").map_or(name.clone(), ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of(finish: &Finish) -> String {
        match outcome(finish) {
            Outcome::Succeeded { output } => format!("succeeded {output}"),
            Outcome::Failed { failure, .. } => failure.code,
            Outcome::Cancelled { .. } => "cancelled".to_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn exit_code_signal_and_state_decide_the_outcome() {
        let of = |state, signal: Option<&str>, exit_code| {
            code_of(&Finish { state, signal: signal.map(ToOwned::to_owned), exit_code, ..Finish::default() })
        };
        assert_eq!(of(None, None, None), "succeeded null");
        assert_eq!(of(None, None, Some(0)), "succeeded null");
        assert_eq!(of(None, None, Some(3)), "exit_3");
        assert_eq!(of(None, Some("SIGTERM"), None), "signal_term");
        assert_eq!(of(None, Some("9"), Some(137)), "signal_9");
        assert_eq!(of(Some(ReportedState::Failed), None, Some(0)), "failed");
        assert_eq!(of(Some(ReportedState::Succeeded), None, Some(2)), "succeeded null");
        assert_eq!(of(Some(ReportedState::Cancelled), Some("INT"), Some(130)), "cancelled");
    }

    #[test]
    fn end_comes_from_the_duration_and_is_never_in_the_future() {
        let (offset, start, now) = (ClockOffset::default(), Micros(1_000_000), Micros(9_000_000));
        let elapsed = |seconds| Finish { elapsed: Some(seconds), ..Finish::default() };
        assert_eq!(ended_at(&elapsed(2.5), start, true, &offset, now), Micros(3_500_000));
        assert_eq!(ended_at(&elapsed(1e300), start, true, &offset, now), now);
        assert_eq!(ended_at(&Finish::default(), start, true, &offset, now), now);
    }
}
