//! Controls of queues and kinds: pausing, resuming, limiting.

use model::{Micros, QueueControl};

use crate::store::{Attribution, ControlChange};

/// What a change makes of a control; `None` if it is so already. The first to pause stays recorded.
pub(in crate::store) fn changed_control(
    before: &QueueControl,
    change: ControlChange,
    by: &Attribution,
    now: Micros,
) -> Option<QueueControl> {
    let mut after = before.clone();
    match change {
        ControlChange::Pause if before.paused_at.is_some() => {}
        ControlChange::Pause => (after.paused_at, after.paused_by) = (Some(now), Some(by.name.to_string())),
        ControlChange::Resume => (after.paused_at, after.paused_by) = (None, None),
        ControlChange::Limit(at_once) => after.at_once = at_once,
    }
    (after != *before).then_some(after)
}

/// The audit log's word for a change, and its detail.
pub(in crate::store) fn control_audit(after: &QueueControl, change: ControlChange) -> (String, String) {
    let name = &after.name;
    let (word, detail) = match change {
        ControlChange::Pause => ("paused", name.clone()),
        ControlChange::Resume => ("resumed", name.clone()),
        ControlChange::Limit(None) => ("limited", format!("{name}, no limit")),
        ControlChange::Limit(Some(at_once)) => ("limited", format!("{name}, {at_once} at once")),
    };
    (format!("{}_{word}", after.of.as_str()), detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::ControlTarget;

    #[test]
    fn second_pause_changes_nothing() {
        let open = QueueControl::open(ControlTarget::Queue, "media");
        let paused =
            changed_control(&open, ControlChange::Pause, &Attribution::from("ada"), Micros(1)).expect("it was open");
        assert_eq!((paused.paused_at, paused.paused_by.as_deref()), (Some(Micros(1)), Some("ada")));
        assert_eq!(changed_control(&paused, ControlChange::Pause, &Attribution::from("bob"), Micros(2)), None);
        assert_eq!(
            changed_control(&paused, ControlChange::Resume, &Attribution::from("bob"), Micros(3)),
            Some(open.clone())
        );
        assert_eq!(changed_control(&open, ControlChange::Limit(None), &Attribution::from("bob"), Micros(3)), None);
    }
}
