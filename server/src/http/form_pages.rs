//! Server functions with a form on a page, and the pages they are on.

use engine::access::Action;

/// Server functions with a form on a page: name, action, page. `{id}` is the argument of that name. See
/// `handlers::settings_forms`.
pub(crate) const FORMS: [(&str, Action, &str); 17] = [
    ("change_password", Action::OwnAccount, "/settings"),
    ("end_session", Action::OwnAccount, "/settings"),
    ("end_other_sessions", Action::OwnAccount, "/settings"),
    ("make_token", Action::OwnAccount, "/settings"),
    ("revoke_token", Action::OwnAccount, "/settings"),
    ("set_time_zone", Action::OwnAccount, "/settings"),
    ("set_display_name", Action::OwnAccount, "/settings"),
    ("add_user", Action::ManageUsers, "/settings/users"),
    ("change_role", Action::ManageUsers, "/settings/users"),
    ("rename_user", Action::ManageUsers, "/settings/users"),
    ("reset_password", Action::ManageUsers, "/settings/users"),
    ("end_sessions_of", Action::ManageUsers, "/settings/users"),
    ("remove_user", Action::ManageUsers, "/settings/users"),
    ("revoke_token_of", Action::ManageUsers, "/settings/users"),
    ("change_kind_rule", Action::ManageKinds, "/settings/tasks"),
    ("send_message", Action::Write, "/messages"),
    ("add_note", Action::Write, "/jobs/{id}"),
];
