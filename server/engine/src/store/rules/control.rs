//! Controls of queues and kinds: pausing, resuming, limiting.

use model::{Gate, Micros};

use crate::store::{By, GateChange};

/// What a change makes of a control; `None` if it is so already. The first to pause stays recorded.
pub(in crate::store) fn changed_control(before: &Gate, change: GateChange, by: &By, now: Micros) -> Option<Gate> {
    let mut after = before.clone();
    match change {
        GateChange::Pause if before.paused_at.is_some() => {}
        GateChange::Pause => (after.paused_at, after.paused_by) = (Some(now), Some(by.name.to_string())),
        GateChange::Resume => (after.paused_at, after.paused_by) = (None, None),
        GateChange::Limit(at_once) => after.at_once = at_once,
    }
    (after != *before).then_some(after)
}

/// The audit log's word for a change, and its detail.
pub(in crate::store) fn control_audit(after: &Gate, change: GateChange) -> (String, String) {
    let name = &after.name;
    let (word, detail) = match change {
        GateChange::Pause => ("paused", name.clone()),
        GateChange::Resume => ("resumed", name.clone()),
        GateChange::Limit(None) => ("limited", format!("{name}, no limit")),
        GateChange::Limit(Some(at_once)) => ("limited", format!("{name}, {at_once} at once")),
    };
    (format!("{}_{word}", after.of.as_str()), detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::GateOf;

    #[test]
    fn second_pause_changes_nothing() {
        let open = Gate::open(GateOf::Queue, "media");
        let paused = changed_control(&open, GateChange::Pause, &By::from("ada"), Micros(1)).expect("it was open");
        assert_eq!((paused.paused_at, paused.paused_by.as_deref()), (Some(Micros(1)), Some("ada")));
        assert_eq!(changed_control(&paused, GateChange::Pause, &By::from("bob"), Micros(2)), None);
        assert_eq!(changed_control(&paused, GateChange::Resume, &By::from("bob"), Micros(3)), Some(open.clone()));
        assert_eq!(changed_control(&open, GateChange::Limit(None), &By::from("bob"), Micros(3)), None);
    }
}
