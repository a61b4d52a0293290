//! Rules of tasks: who may start a task and who may see its jobs.

use super::*;

#[test]
fn task_rule_applies_at_once_and_can_be_reset() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let mei = server.add_user(&ada, "mei", "operator");
    let job = ada.run();
    let page = ada.page("/settings/tasks");
    assert!(page.contains("Default: operators") && page.contains("Default: everyone"), "{page}");

    let form = [("kind", "demo"), ("start", "administrator"), ("seen_by", "starter")];
    let page = submit_and_follow(&ada, "change_kind_rule", &form);
    assert!(page.contains("Saved for"), "{page}");
    let row = page.split("id=\"rule-demo\"").next().unwrap().rsplit("<tr").next().unwrap();
    assert_eq!(row.matches("selected").count(), 2, "{row}");
    assert!(row.contains("value=\"administrator\" selected") && row.contains("value=\"starter\" selected"), "{row}");
    assert_eq!(mei.get(&format!("/jobs/{job}")).status(), 404);
    rejected(mei.call("start_job", &[("kind", "demo"), ("input", r#"{"seconds":0}"#)]), 403, "forbidden");
    ada.run();

    succeeded(ada.call("change_kind_rule", &[("kind", "demo"), ("start", ""), ("seen_by", "")]));
    assert_eq!(mei.get(&format!("/jobs/{job}")).status(), 200);
    mei.run();
}

#[test]
fn invalid_task_rule_is_rejected() {
    let (_server, ada) = ServerWithAccounts::with_admin();
    for (form, status, code, field) in [
        ([("kind", "nothing"), ("start", ""), ("seen_by", "")], 404, "unknown_kind", "kind"),
        ([("kind", "demo"), ("start", "viewer"), ("seen_by", "")], 422, "invalid_input", "start"),
        ([("kind", "demo"), ("start", "queen"), ("seen_by", "")], 422, "invalid_input", "start"),
        ([("kind", "demo"), ("start", ""), ("seen_by", "nobody")], 422, "invalid_input", "seen_by"),
    ] {
        assert_eq!(rejected(ada.call("change_kind_rule", &form), status, code)["field"], field);
    }
}
