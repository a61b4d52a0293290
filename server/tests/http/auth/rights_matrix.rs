//! The rights matrix: every route of the route table, requested by every role in every way. The answers are compared
//! with the policy (`authorise`) and written to `docs/rights.md` by `RIGHTS=write`.

use std::{collections::BTreeMap, env, fmt::Write as _, fs, path::Path};

use engine::{
    access::{Action, Actor, Denied, Principal, Rule, Subject, TokenGrant, authorise},
    store::UserId,
};
use http::Method;
use model::{Role, Scope};
use reqwest::blocking::Response;
use server::http::router::Route;

use crate::support::{
    accounts::{ADA, ServerWithAccounts, UserClient},
    site::route_table,
};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/rights.md");

/// A kind whose jobs are private in this test.
const PRIVATE: (&str, &str) =
    ("check-links", r#"{"urls":"http://127.0.0.1:9/","concurrency":1,"timeout":1,"per_host_per_second":1}"#);
const OPEN: (&str, &str) = ("demo", r#"{"seconds":0}"#);
/// A kind that only administrators may start.
const GUARDED: &str = "backup";

/// A column: a client with its rights.
struct Column {
    /// The heading of the column.
    name: &'static str,
    actor: Actor,
    user: UserClient,
    /// An own job, another user's, and another user's of a private kind; of each an ended and a scheduled one.
    jobs: [[i64; 2]; 3],
    /// An own schedule, another user's, and another user's of a private kind.
    schedules: [i64; 3],
}

/// A row: one way to request an action.
struct MatrixRow {
    name: String,
    action: Action,
    /// The rule of the kind, where the request concerns a kind and no job.
    kind: Option<Rule>,
    /// Whether the request concerns a job or a schedule.
    has_subject: bool,
    /// Whether it concerns a schedule.
    is_schedule: bool,
    request: SendRequest,
    /// Whether it requests a scheduled job instead of an ended one, so that nothing happens to it.
    needs_scheduled_job: bool,
    via: Via,
}

/// Sends the request for a job or a schedule.
type SendRequest = Box<dyn Fn(&UserClient, i64) -> Outcome>;

/// How a row is requested.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Via {
    /// A function call, a file or a stream.
    Any,
    /// A form, which only browsers submit.
    Form,
    /// A page, which any signed-in user may see before the right to its subject counts.
    Page,
    /// A report, which only programs send: a session does not count.
    Token,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    Yes,
    SignIn,
    No,
    Hidden,
}

impl Outcome {
    const fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::SignIn => "sign in",
            Self::No => "no",
            Self::Hidden => "hidden",
        }
    }

    fn by_policy(actor: &Actor, action: Action, subject: Subject<'_>) -> Self {
        match authorise(actor, action, subject) {
            Ok(()) => Self::Yes,
            Err(Denied::SignIn) => Self::SignIn,
            Err(Denied::Hidden) => Self::Hidden,
            Err(Denied::Role(_) | Denied::Scope(_) | Denied::NoAccounts | Denied::NotOwn | Denied::NotOwner) => {
                Self::No
            }
        }
    }

    /// The outcome of a call. The server validates a request only after it has authorised it.
    fn of_status(response: Response, has_subject: bool) -> Self {
        let status = response.status().as_u16();
        assert!(status < 500, "{response:?}");
        match status {
            401 => Self::SignIn,
            403 => Self::No,
            404 if has_subject => Self::Hidden,
            _ => Self::Yes,
        }
    }

    /// The outcome of a form or page in a browser without scripts: the page itself, or the flash message after a
    /// redirect.
    fn of_page(response: Response, user: &UserClient, has_subject: bool) -> Self {
        let to = response.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
        match to {
            Some(to) if to.starts_with("/sign-in") => Self::SignIn,
            Some(to) => {
                let page = user.get(&to).text().unwrap();
                let notice = page.split(r#"class="flash"#).nth(1).and_then(|rest| rest.split("</section>").next());
                match notice.unwrap_or_default() {
                    words if words.contains("There is no job") || words.contains("There is no schedule") => {
                        Self::Hidden
                    }
                    words if words.contains("needs the role") || words.contains("or an administrator can do this") => {
                        Self::No
                    }
                    _ => Self::Yes,
                }
            }
            None => Self::of_status(response, has_subject),
        }
    }
}

/// The arguments of every server function, and whether it concerns a job. They are chosen so that an authorised call
/// changes nothing.
fn arguments(function: &str, job: i64) -> Option<(bool, Vec<(&'static str, String)>)> {
    let job = job.to_string();
    let concerning = |name| Some((true, vec![(name, job.clone())]));
    let with = |pairs: &[(&'static str, &str)]| {
        Some((false, pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()))
    };
    match function {
        "cancel_job" | "retry_job" | "pause_job" | "resume_job" | "start_now" | "dismiss_job" | "rerun_job"
        | "delete_job" | "pin_job" | "pause_schedule" | "resume_schedule" | "run_schedule" => concerning("id"),
        "delete_schedule" => Some((true, vec![("id", job), ("revision", "0".to_owned())])),
        "dismiss_jobs" => with(&[("until", "0")]),
        "unpin_job" => with(&[("id", "1")]),
        "start_job" => with(&[("kind", OPEN.0), ("input", r#"{"seconds":"none"}"#)]),
        // Of these, three change something: a demo runs, a schedule is added that is not due, a card is hidden.
        "folders" | "end_other_sessions" | "start_demo" | "schedule_backup" | "hide_get_started" => with(&[]),
        "pause_queue" | "resume_queue" => with(&[("queue", "none")]),
        "limit_queue" => with(&[("queue", "none"), ("at_once", "1")]),
        "pause_kind" | "resume_kind" => with(&[("kind", "none")]),
        "limit_kind" => with(&[("kind", "none"), ("at_once", "1")]),
        "change_password" => with(&[("old", "x"), ("new", "short"), ("again", "short")]),
        "end_session" => with(&[("session", "0000000000000000")]),
        "make_token" => with(&[("name", ""), ("expires", "30")]),
        "revoke_token" | "revoke_token_of" => with(&[("id", "999999")]),
        "set_time_zone" => with(&[("time_zone", "Nowhere/Never")]),
        "set_display_name" => with(&[("display_name", "local")]),
        "add_user" => with(&[("name", "?"), ("role", "viewer")]),
        "rename_user" => with(&[("user", "999999"), ("display_name", "A")]),
        "change_role" => with(&[("user", "999999"), ("role", "viewer")]),
        "reset_password" | "end_sessions_of" | "remove_user" => with(&[("user", "999999")]),
        // The recipient decides which right is needed; see `rows_of`. Without a text nothing is sent.
        "send_message" => with(&[("to", "user"), ("user", "?"), ("text", "")]),
        "add_note" => Some((true, vec![("id", job), ("text", String::new())])),
        "change_kind_rule" => with(&[("kind", OPEN.0), ("start", ""), ("seen_by", "")]),
        _ => None,
    }
}

/// The rows of a route: all ways to request it. An unknown route fails the test.
fn rows_of(route: &Route) -> Vec<MatrixRow> {
    let (action, path) = (route.action, route.path.to_string());
    let is_schedule = path.contains("schedule");
    let row = |name: String, has_subject, request: SendRequest| MatrixRow {
        name,
        action,
        kind: None,
        has_subject,
        is_schedule,
        request,
        needs_scheduled_job: action == Action::Delete,
        via: Via::Any,
    };
    let pattern = path.clone();
    let filled = move |job: i64| filled_in(&pattern, job);
    if path.starts_with("/api/v1/report/") {
        let request = report_request(route.method.clone(), filled(0));
        return vec![MatrixRow { via: Via::Token, ..row(format!("{} {path}", route.method), false, request) }];
    }
    if let Some(function) = path.strip_prefix("/api/") {
        let (has_subject, _) = arguments(function, 1).unwrap_or_else(|| panic!("{function} has no arguments here"));
        let given = |function: &str, job| -> Vec<(&'static str, String)> { arguments(function, job).unwrap().1 };
        let (called, sent) = (function.to_owned(), function.to_owned());
        let call = move |user: &UserClient, job: i64| {
            Outcome::of_status(user.call(&called, &borrowed(&given(&called, job))), has_subject)
        };
        let submit = move |user: &UserClient, job: i64| {
            Outcome::of_page(user.submit(&sent, &borrowed(&given(&sent, job))), user, has_subject)
        };
        let program = row(format!("function {function}"), has_subject, Box::new(call));
        let form = MatrixRow { via: Via::Form, ..row(format!("form {function}"), has_subject, Box::new(submit)) };
        if function == "send_message" {
            return [program, form].into_iter().chain(messages()).collect();
        }
        return vec![program, form];
    }
    let has_subject = path.contains("{id}");
    let (name, address) = (format!("{} {path}", route.method), path.clone());
    match (&route.method, path.as_str()) {
        (&Method::GET, "/events" | "/events/poll") => {
            let stream = move |user: &UserClient, job: i64| {
                Outcome::of_status(user.api_get(&format!("{address}?job={job}&until=end")), true)
            };
            vec![MatrixRow { name: format!("stream GET {path}"), ..row(name, true, Box::new(stream)) }]
        }
        (&Method::GET, _) => {
            let file = ["/artifacts", "/input", "/log", "/result", ".csv", ".txt", "/{name}"]
                .iter()
                .any(|end| path.ends_with(end));
            // A file that the job does not have is missing for every client.
            let request = move |user: &UserClient, job: i64| {
                let response = user.get(&filled(job));
                let may_be_absent = path.contains("artifacts") || path.ends_with("/result");
                if may_be_absent && response.status() == 404 {
                    let words = response.text().unwrap();
                    return if words.contains("no artifact") || words.contains("no result") {
                        Outcome::Yes
                    } else {
                        Outcome::Hidden
                    };
                }
                Outcome::of_page(response, user, has_subject)
            };
            let kind = if file { "file" } else { "page" };
            vec![MatrixRow {
                name: format!("{kind} {name}"),
                via: if file { Via::Any } else { Via::Page },
                ..row(String::new(), has_subject, Box::new(request))
            }]
        }
        (&Method::POST, "/new/{kind}") => {
            let start = |kind: &'static str| {
                move |user: &UserClient, _| {
                    let response = user.post(&format!("/new/{kind}"), &[("seconds", "none")]);
                    Outcome::of_page(response, user, false)
                }
            };
            let guarded = Rule { start: Role::Administrator, private: false };
            vec![
                MatrixRow { via: Via::Form, ..row(format!("form {name}"), false, Box::new(start(OPEN.0))) },
                MatrixRow {
                    kind: Some(guarded),
                    via: Via::Form,
                    ..row(format!("form POST /new/{GUARDED}"), false, Box::new(start(GUARDED)))
                },
            ]
        }
        (&Method::POST, "/schedules/new" | "/schedules/{id}/edit") => {
            let plan = move |user: &UserClient, id: i64| {
                let address = format!("{}?kind={}", filled(id), OPEN.0);
                Outcome::of_page(user.post(&address, &[("$name", "")]), user, has_subject)
            };
            vec![MatrixRow { via: Via::Form, ..row(format!("form {name}"), has_subject, Box::new(plan)) }]
        }
        (&Method::POST, "/uploads" | "/events/{stream}") => {
            let post =
                move |user: &UserClient, _| Outcome::of_status(user.api_post(&filled(0), r#"{"add":[]}"#), false);
            vec![row(name, false, Box::new(post))]
        }
        _ => panic!("{name} is not requested by this test"),
    }
}

/// The path of a route with a job or another object for each of its parameters.
fn filled_in(pattern: &str, job: i64) -> String {
    let job = job.to_string();
    let values =
        [("id", &*job), ("name", "none"), ("kind", OPEN.0), ("stream", "0"), ("run", "r"), ("signal", "finish")];
    values.iter().fold(pattern.to_owned(), |path, (name, value)| path.replace(&format!("{{{name}}}"), value))
}

/// A report. One that is allowed is not valid, and a run that may be looked up does not exist.
fn report_request(method: Method, address: String) -> SendRequest {
    Box::new(move |user: &UserClient, _| {
        let is_get = method == Method::GET;
        let response = if is_get { user.api_get(&address) } else { user.api_post(&address, "half") };
        Outcome::of_status(response, false)
    })
}

/// Builds the arguments of a function for a job.
type Arguments = fn(i64) -> Vec<(&'static str, String)>;

/// Messages to several users: to everyone, and to the watchers of a job.
fn messages() -> Vec<MatrixRow> {
    let everyone = |_| vec![("to", "everyone".to_owned()), ("text", String::new())];
    let watchers = |job: i64| vec![("to", "job".to_owned()), ("job", job.to_string()), ("text", String::new())];
    let kinds: [(&str, Action, bool, Arguments); 2] =
        [("everyone", Action::Announce, false, everyone), ("job", Action::Control, true, watchers)];
    let rows = kinds.map(|(to, action, has_subject, given)| {
        let call = move |user: &UserClient, job| {
            Outcome::of_status(user.call("send_message", &borrowed(&given(job))), has_subject)
        };
        let submit = move |user: &UserClient, job| {
            Outcome::of_page(user.submit("send_message", &borrowed(&given(job))), user, has_subject)
        };
        let row = |name: String, via, request: SendRequest| MatrixRow {
            name,
            action,
            kind: None,
            has_subject,
            is_schedule: false,
            request,
            needs_scheduled_job: false,
            via,
        };
        [
            row(format!("function send_message, to {to}"), Via::Any, Box::new(call)),
            row(format!("form send_message, to {to}"), Via::Form, Box::new(submit)),
        ]
    });
    rows.into_iter().flatten().collect()
}

fn borrowed<'a>(pairs: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    pairs.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// A server on which every user has a job, and olga a public and a private one.
struct Fixture {
    _server: ServerWithAccounts,
    columns: Vec<Column>,
}

impl Fixture {
    fn new() -> Self {
        let (server, ada) = ServerWithAccounts::with_admin();
        let [otto, vera, olga] = ["otto", "vera", "olga"].map(|name| server.add_user(&ada, name, "operator"));
        let start = |user: &UserClient, (kind, input): (&str, &str)| {
            let later = [("kind", kind), ("input", input), ("start_at", "2099-01-01T00:00:00Z")];
            let over = started(&user.call("start_job", &later[..2]).text().unwrap());
            user.wait(over);
            [over, started(&user.call("start_job", &later).text().unwrap())]
        };
        let (other, private) = (start(&olga, OPEN), start(&olga, PRIVATE));
        let (other_schedule, private_schedule) = (create_schedule(&olga, OPEN.0), create_schedule(&olga, PRIVATE.0));
        let own: BTreeMap<&str, [i64; 2]> =
            [(ADA, &ada), ("otto", &otto), ("vera", &vera)].map(|(name, user)| (name, start(user, OPEN))).into();
        let schedules_of: BTreeMap<&str, i64> = [(ADA, &ada), ("otto", &otto), ("vera", &vera)]
            .map(|(name, user)| (name, create_schedule(user, OPEN.0)))
            .into();
        let rule = [("kind", PRIVATE.0), ("start", ""), ("seen_by", "starter")];
        ada.call("change_kind_rule", &rule).error_for_status().unwrap();
        let demoted = [("user", &*ada.user_id("vera").to_string()), ("role", "viewer")];
        ada.call("change_role", &demoted).error_for_status().unwrap();

        let who = |name: &str, role| Principal { user: UserId(0), name: name.into(), role };
        let jobs = |name: &str| [own[name], other, private];
        let schedules = |name: &str| [schedules_of[name], other_schedule, private_schedule];
        let mut columns = vec![Column {
            name: "anonymous",
            actor: Actor::Anonymous,
            user: server.new_client(),
            jobs: [other, other, private],
            schedules: [other_schedule, other_schedule, private_schedule],
        }];
        let people = [
            ("vera", &vera, Role::Viewer, ["viewer, cookie", "viewer, token"]),
            ("otto", &otto, Role::Operator, ["operator, cookie", "operator, token"]),
            (ADA, &ada, Role::Administrator, ["administrator, cookie", "administrator, token"]),
        ];
        for (name, user, role, [by_cookie, by_token]) in people {
            let actor = Actor::User(who(name, role));
            columns.push(Column {
                name: by_cookie,
                actor,
                user: user.with_same_cookies(),
                jobs: jobs(name),
                schedules: schedules(name),
            });
            let mut narrow = vec![(by_token, vec![Scope::Read, Scope::Start, Scope::Report])];
            if role == Role::Operator {
                narrow.push(("operator, token read", vec![Scope::Read]));
                narrow.push(("operator, token start", vec![Scope::Start]));
                narrow.push(("operator, token report", vec![Scope::Report]));
            }
            for (column, scopes) in narrow {
                let pass = TokenGrant { name: column.into(), scopes: scopes.clone().into() };
                columns.push(Column {
                    name: column,
                    actor: Actor::Client(who(name, role), pass),
                    user: user.api_client(column, &scopes),
                    jobs: jobs(name),
                    schedules: schedules(name),
                });
            }
        }
        Self { _server: server, columns }
    }
}

fn started(response: &str) -> i64 {
    response.parse().unwrap_or_else(|_| panic!("not started: {response}"))
}

/// Creates a schedule of `kind` that is not due during the test.
fn create_schedule(user: &UserClient, kind: &str) -> i64 {
    let form = [
        ("$name", "Plan"),
        ("$expression", "0 0 1 1 *"),
        ("$zone", "UTC"),
        ("$overlap", "skip"),
        ("$missed", "skip"),
        ("urls", "http://127.0.0.1:9/"),
    ];
    let form = if kind == PRIVATE.0 { &form[..] } else { &form[..5] };
    let response = user.post(&format!("/schedules/new?kind={kind}"), form);
    let location = response.headers().get("location").map(|location| location.to_str().unwrap().to_owned());
    let location = location.unwrap_or_else(|| panic!("not created: {}", response.text().unwrap()));
    location.strip_prefix("/schedules/").unwrap().parse().unwrap()
}

/// The cell of a client: one word, or one for each of the three jobs. The error names a deviation from the policy.
fn cell(row: &MatrixRow, column: &Column) -> Result<String, String> {
    let mut words = Vec::new();
    for (nth, pair) in column.jobs.iter().enumerate().take(if row.has_subject { 3 } else { 1 }) {
        let rule = Rule { private: nth == 2, ..Rule::default() };
        let name = column.actor.principal().map_or("", |who| &who.name);
        let starter = if nth == 0 && !matches!(column.actor, Actor::Anonymous) { name } else { "olga" };
        let subject = match (row.has_subject, row.kind) {
            (true, _) if row.is_schedule => Subject::Schedule { rule, owner: starter },
            (true, _) => Subject::Job { rule, starter },
            (false, Some(kind)) => Subject::Kind(kind),
            (false, None) => Subject::Any,
        };
        let expected = match Outcome::by_policy(&column.actor, row.action, subject) {
            // The subject of a page counts only for clients that may see pages at all.
            expected @ (Outcome::Yes | Outcome::Hidden) if row.via == Via::Page => {
                match Outcome::by_policy(&column.actor, Action::See, Subject::Any) {
                    Outcome::Yes => expected,
                    unseen => unseen,
                }
            }
            _ if row.via == Via::Token && matches!(column.actor, Actor::User(_)) => Outcome::SignIn,
            expected => expected,
        };
        let number = if row.is_schedule { column.schedules[nth] } else { pair[usize::from(row.needs_scheduled_job)] };
        let actual = (row.request)(&column.user, number);
        if actual != expected {
            let (actual, expected) = (actual.word(), expected.word());
            return Err(format!("{} by {} ({nth}): {actual} instead of {expected}", row.name, column.name));
        }
        words.push(actual.word());
    }
    let first = words[0];
    Ok(if words.iter().all(|word| *word == first) { first.to_owned() } else { words.join(" · ") })
}

#[test]
fn every_route_answers_every_role_as_the_policy_says() {
    let fixture = Fixture::new();
    let mut table = String::from("| what | action |");
    for column in &fixture.columns {
        write!(table, " {} |", column.name).unwrap();
    }
    table += "\n|---|---|";
    table += &"---|".repeat(fixture.columns.len());
    table.push('\n');
    let mut wrong = Vec::new();
    let routes = route_table();
    for row in routes.iter().filter(|route| route.action != Action::Public).flat_map(rows_of) {
        write!(table, "| {} | {:?} |", row.name, row.action).unwrap();
        for column in &fixture.columns {
            // An API client gets no forms.
            if row.via == Via::Form && matches!(column.actor, Actor::Client(..)) {
                table += " – |";
                continue;
            }
            match cell(&row, column) {
                Ok(words) => write!(table, " {words} |").unwrap(),
                Err(fault) => wrong.push(fault),
            }
        }
        table.push('\n');
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let document = Path::new(DOCUMENT);
    let text = fs::read_to_string(document).unwrap();
    let (before, _) = text.split_once("| what |").unwrap();
    let now = format!("{before}{table}");
    if env::var_os("RIGHTS").is_some_and(|mode| mode == "write") {
        fs::write(document, &now).unwrap();
    }
    assert!(text == now || env::var_os("RIGHTS").is_some(), "docs/rights.md is not what the server does; RIGHTS=write");
}

#[test]
fn every_server_function_is_in_the_route_table() {
    let rows: Vec<String> = route_table().iter().map(|route| route.path.to_string()).collect();
    let registered: Vec<&str> = leptos::server_fn::axum::server_fn_paths().map(|(path, _)| path).collect();
    assert!(!registered.is_empty());
    for path in &registered {
        assert!(
            rows.iter().any(|row| row == path),
            "{path} has no row in the route table, so that it cannot be called"
        );
    }
}
