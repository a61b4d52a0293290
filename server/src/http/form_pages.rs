//! Server functions with a form on a page, and the pages they are on.

use engine::access::Action;

/// Server functions with a form on a page: name, action, page. `{id}` is the argument of that name. The response to a
/// browser without script is the page itself if there is an error or a secret to show, see
/// `handlers::settings_forms`.
pub(crate) const FORMS: [(&str, Action, &str); 15] = [
    ("change_password", Action::OwnAccount, "/settings"),
    ("end_session", Action::OwnAccount, "/settings"),
    ("end_other_sessions", Action::OwnAccount, "/settings"),
    ("make_token", Action::OwnAccount, "/settings"),
    ("revoke_token", Action::OwnAccount, "/settings"),
    ("set_time_zone", Action::OwnAccount, "/settings"),
    ("add_user", Action::ManageUsers, "/settings/users"),
    ("change_role", Action::ManageUsers, "/settings/users"),
    ("reset_password", Action::ManageUsers, "/settings/users"),
    ("end_sessions_of", Action::ManageUsers, "/settings/users"),
    ("remove_user", Action::ManageUsers, "/settings/users"),
    ("revoke_token_of", Action::ManageUsers, "/settings/users"),
    ("change_kind_rule", Action::ManageKinds, "/settings/tasks"),
    ("send_message", Action::Write, "/messages"),
    ("add_note", Action::Write, "/jobs/{id}"),
];

/// The page with the form of a server function, if there is one.
pub(crate) fn page_of(function: &str) -> Option<&'static str> {
    FORMS.iter().find(|(name, ..)| *name == function).map(|(.., page)| without_parameters(page))
}

/// The page without parameters: for the page of a job the list of jobs.
pub(crate) fn without_parameters(page: &'static str) -> &'static str {
    page.split("/{").next().unwrap_or(page)
}
