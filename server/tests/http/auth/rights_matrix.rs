//! Who may do what, as the server answers it: every row of its table, asked by everybody, in every way. The answers are
//! compared with the one rule, and stand as a table in `docs/rights.md`; `RIGHTS=write` writes it anew.

use std::{collections::BTreeMap, env, fmt::Write as _, fs, path::Path};

use engine::{
    access::{Action, Actor, Denied, Pass, Rule, Subject, Who, authorise},
    store::UserId,
};
use http::Method;
use model::{Role, Scope};
use reqwest::blocking::Response;
use server::router::Route;

use crate::support::accounts::{ADA, ServerWithAccounts, UserClient};

/// The words between which the table stands.
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/rights.md");

/// A kind whose jobs are private here, and one whose are not.
const PRIVATE: (&str, &str) =
    ("check-links", r#"{"urls":"http://127.0.0.1:9/","concurrency":1,"timeout":1,"per_host_per_second":1}"#);
const OPEN: (&str, &str) = ("demo", r#"{"seconds":0}"#);
/// A kind that only administrators may start.
const GUARDED: &str = "backup";

/// Somebody who asks.
struct Sender {
    /// The head of their column.
    name: &'static str,
    actor: Actor,
    user: UserClient,
    /// One's own job, somebody else's, somebody else's of a private kind: over, and not begun.
    jobs: [[i64; 2]; 3],
    /// The same of schedules.
    schedules: [i64; 3],
}

/// A way to do something.
struct Way {
    name: String,
    action: Action,
    /// The least role that the kind asks, where the request is about one kind and no job.
    kind: Option<Rule>,
    /// Whether it is about a job, or a schedule.
    about: bool,
    /// Whether that is a schedule.
    planned: bool,
    ask: Ask,
    /// Whether it needs a job that is not over, so that nothing happens to it.
    open: bool,
    road: Road,
}

/// Asks about a job.
type Ask = Box<dyn Fn(&UserClient, i64) -> Outcome>;

/// By what somebody goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Road {
    /// A call, a file, a stream.
    Any,
    /// A form, which only browsers have.
    Form,
    /// A page, which shows jobs beside its own matter.
    Page,
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

    fn by_rule(actor: &Actor, action: Action, subject: Subject<'_>) -> Self {
        match authorise(actor, action, subject) {
            Ok(()) => Self::Yes,
            Err(Denied::SignIn) => Self::SignIn,
            Err(Denied::Hidden) => Self::Hidden,
            Err(Denied::Role(_) | Denied::Scope(_) | Denied::NoAccounts | Denied::NotOwn | Denied::NotOwner) => {
                Self::No
            }
        }
    }

    /// What a program is answered. Whatever is wrong with the request itself is found only by who may ask.
    fn of_status(response: Response, about: bool) -> Self {
        let status = response.status().as_u16();
        assert!(status < 500, "{response:?}");
        match status {
            401 => Self::SignIn,
            403 => Self::No,
            404 if about => Self::Hidden,
            _ => Self::Yes,
        }
    }

    /// What a browser without script is answered: a page, or another one to go to, which says what came of it.
    fn of_page(response: Response, user: &UserClient, about: bool) -> Self {
        let to = response.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
        match to {
            Some(to) if to.starts_with("/sign-in") => Self::SignIn,
            Some(to) => {
                let said = user.get(&to).text().unwrap();
                let notice = said.split(r#"class="flash"#).nth(1).and_then(|rest| rest.split("</section>").next());
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
            None => Self::of_status(response, about),
        }
    }
}

/// The arguments of every server function, such that nobody does any harm who may call it.
fn arguments(function: &str, job: i64) -> Option<(bool, Vec<(&'static str, String)>)> {
    let job = job.to_string();
    let about = |name| Some((true, vec![(name, job.clone())]));
    let with = |pairs: &[(&'static str, &str)]| {
        Some((false, pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()))
    };
    match function {
        "cancel_job" | "retry_job" | "pause_job" | "resume_job" | "start_now" | "rerun_job" | "delete_job"
        | "pin_job" | "pause_schedule" | "resume_schedule" | "run_schedule" => about("id"),
        "delete_schedule" => Some((true, vec![("id", job), ("revision", "0".to_owned())])),
        "unpin_job" => with(&[("id", "1")]),
        "start_job" => with(&[("kind", OPEN.0), ("input", r#"{"seconds":"none"}"#)]),
        "folders" | "end_other_sessions" => with(&[]),
        "pause_queue" | "resume_queue" => with(&[("queue", "none")]),
        "limit_queue" => with(&[("queue", "none"), ("at_once", "1")]),
        "pause_kind" | "resume_kind" => with(&[("kind", "none")]),
        "limit_kind" => with(&[("kind", "none"), ("at_once", "1")]),
        "change_password" => with(&[("old", "x"), ("new", "short"), ("again", "short")]),
        "end_session" => with(&[("session", "0000000000000000")]),
        "make_token" => with(&[("name", ""), ("expires", "30")]),
        "revoke_token" | "revoke_token_of" => with(&[("id", "999999")]),
        "set_time_zone" => with(&[("time_zone", "Nowhere/Never")]),
        "add_user" => with(&[("name", "?"), ("role", "viewer")]),
        "change_role" => with(&[("user", "999999"), ("role", "viewer")]),
        "reset_password" | "end_sessions_of" | "remove_user" => with(&[("user", "999999")]),
        // Whom it is for decides about the right; see `ways`. Without a text nothing is sent.
        "send_message" => with(&[("to", "user"), ("user", "?"), ("text", "")]),
        "add_note" => Some((true, vec![("id", job), ("text", String::new())])),
        "change_kind_rule" => with(&[("kind", OPEN.0), ("start", ""), ("seen_by", "")]),
        _ => None,
    }
}

/// Every way that a row of the table stands for. A row that is not known here fails the test.
fn ways(route: &Route) -> Vec<Way> {
    let (action, path) = (route.action, route.path.to_string());
    let planned = path.contains("schedule");
    let way = |name: String, about, ask: Ask| Way {
        name,
        action,
        kind: None,
        about,
        planned,
        ask,
        open: action == Action::Delete,
        road: Road::Any,
    };
    let pattern = path.clone();
    let filled = move |job: i64| {
        let named = pattern.replace("{id}", &job.to_string()).replace("{name}", "none").replace("{kind}", OPEN.0);
        named.replace("{stream}", "0")
    };
    if let Some(function) = path.strip_prefix("/api/") {
        let (about, _) = arguments(function, 1).unwrap_or_else(|| panic!("{function} has no arguments here"));
        let given = |function: &str, job| -> Vec<(&'static str, String)> { arguments(function, job).unwrap().1 };
        let (called, sent) = (function.to_owned(), function.to_owned());
        let call = move |user: &UserClient, job: i64| {
            Outcome::of_status(user.call(&called, &borrowed(&given(&called, job))), about)
        };
        let submit = move |user: &UserClient, job: i64| {
            Outcome::of_page(user.submit(&sent, &borrowed(&given(&sent, job))), user, about)
        };
        let program = way(format!("function {function}"), about, Box::new(call));
        let form = Way { road: Road::Form, ..way(format!("form {function}"), about, Box::new(submit)) };
        if function == "send_message" {
            return [program, form].into_iter().chain(messages()).collect();
        }
        return vec![program, form];
    }
    let about = path.contains("{id}");
    let (name, address) = (format!("{} {path}", route.method), path.clone());
    match (&route.method, path.as_str()) {
        (&Method::GET, "/events" | "/events/poll") => {
            let stream = move |user: &UserClient, job: i64| {
                Outcome::of_status(user.api_get(&format!("{address}?job={job}&until=end")), true)
            };
            vec![Way { name: format!("stream GET {path}"), ..way(name, true, Box::new(stream)) }]
        }
        (&Method::GET, _) => {
            let file = ["/input", "/log", "/result", ".csv", "/{name}"].iter().any(|end| path.ends_with(end));
            // A file that no job has is not there for anybody.
            let ask = move |user: &UserClient, job: i64| {
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
                Outcome::of_page(response, user, about)
            };
            let kind = if file { "file" } else { "page" };
            vec![Way {
                name: format!("{kind} {name}"),
                road: if file { Road::Any } else { Road::Page },
                ..way(String::new(), about, Box::new(ask))
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
                Way { road: Road::Form, ..way(format!("form {name}"), false, Box::new(start(OPEN.0))) },
                Way {
                    kind: Some(guarded),
                    road: Road::Form,
                    ..way(format!("form POST /new/{GUARDED}"), false, Box::new(start(GUARDED)))
                },
            ]
        }
        (&Method::POST, "/schedules/new" | "/schedules/{id}/edit") => {
            let plan = move |user: &UserClient, id: i64| {
                let address = format!("{}?kind={}", filled(id), OPEN.0);
                Outcome::of_page(user.post(&address, &[("$name", "")]), user, about)
            };
            vec![Way { road: Road::Form, ..way(format!("form {name}"), about, Box::new(plan)) }]
        }
        (&Method::POST, "/uploads" | "/events/{stream}") => {
            let post =
                move |user: &UserClient, _| Outcome::of_status(user.api_post(&filled(0), r#"{"add":[]}"#), false);
            vec![way(name, false, Box::new(post))]
        }
        _ => panic!("{name} is not asked by anybody"),
    }
}

/// What a function is given, for a job.
type Arguments = fn(i64) -> Vec<(&'static str, String)>;

/// Messages to more than one person: to everyone, and to who watches a job.
fn messages() -> Vec<Way> {
    let everyone = |_| vec![("to", "everyone".to_owned()), ("text", String::new())];
    let watchers = |job: i64| vec![("to", "job".to_owned()), ("job", job.to_string()), ("text", String::new())];
    let kinds: [(&str, Action, bool, Arguments); 2] =
        [("everyone", Action::Announce, false, everyone), ("job", Action::Steer, true, watchers)];
    let ways = kinds.map(|(to, action, about, given)| {
        let call =
            move |user: &UserClient, job| Outcome::of_status(user.call("send_message", &borrowed(&given(job))), about);
        let submit = move |user: &UserClient, job| {
            Outcome::of_page(user.submit("send_message", &borrowed(&given(job))), user, about)
        };
        let way = |name: String, road, ask: Ask| Way {
            name,
            action,
            kind: None,
            about,
            planned: false,
            ask,
            open: false,
            road,
        };
        [
            way(format!("function send_message, to {to}"), Road::Any, Box::new(call)),
            way(format!("form send_message, to {to}"), Road::Form, Box::new(submit)),
        ]
    });
    ways.into_iter().flatten().collect()
}

fn borrowed<'a>(pairs: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    pairs.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// A house in which everybody has a job of their own, and olga two that others may and may not see.
struct Crowd {
    _server: ServerWithAccounts,
    senders: Vec<Sender>,
}

impl Crowd {
    fn gather() -> Self {
        let (server, ada) = ServerWithAccounts::with_admin();
        let [otto, vera, olga] = ["otto", "vera", "olga"].map(|name| server.add_user(&ada, name, "operator"));
        let start = |user: &UserClient, (kind, input): (&str, &str)| {
            let later = [("kind", kind), ("input", input), ("start_at", "2099-01-01T00:00:00Z")];
            let over = started(&user.call("start_job", &later[..2]).text().unwrap());
            user.wait(over);
            [over, started(&user.call("start_job", &later).text().unwrap())]
        };
        let (other, private) = (start(&olga, OPEN), start(&olga, PRIVATE));
        let (planned, hidden) = (plan(&olga, OPEN.0), plan(&olga, PRIVATE.0));
        let own: BTreeMap<&str, [i64; 2]> =
            [(ADA, &ada), ("otto", &otto), ("vera", &vera)].map(|(name, user)| (name, start(user, OPEN))).into();
        let plans: BTreeMap<&str, i64> =
            [(ADA, &ada), ("otto", &otto), ("vera", &vera)].map(|(name, user)| (name, plan(user, OPEN.0))).into();
        let rule = [("kind", PRIVATE.0), ("start", ""), ("seen_by", "starter")];
        ada.call("change_kind_rule", &rule).error_for_status().unwrap();
        let demoted = [("user", &*ada.user_id("vera").to_string()), ("role", "viewer")];
        ada.call("change_role", &demoted).error_for_status().unwrap();

        let who = |name: &str, role| Who { user: UserId(0), name: name.into(), role };
        let jobs = |name: &str| [own[name], other, private];
        let schedules = |name: &str| [plans[name], planned, hidden];
        let mut senders = vec![Sender {
            name: "nobody",
            actor: Actor::Nobody,
            user: server.new_client(),
            jobs: [other, other, private],
            schedules: [planned, planned, hidden],
        }];
        let people = [
            ("vera", &vera, Role::Viewer, ["viewer, cookie", "viewer, token"]),
            ("otto", &otto, Role::Operator, ["operator, cookie", "operator, token"]),
            (ADA, &ada, Role::Administrator, ["administrator, cookie", "administrator, token"]),
        ];
        for (name, user, role, [by_cookie, by_token]) in people {
            let actor = Actor::Person(who(name, role));
            senders.push(Sender {
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
            }
            for (column, scopes) in narrow {
                let pass = Pass { name: column.into(), scopes: scopes.clone().into() };
                senders.push(Sender {
                    name: column,
                    actor: Actor::Program(who(name, role), pass),
                    user: user.api_client(column, &scopes),
                    jobs: jobs(name),
                    schedules: schedules(name),
                });
            }
        }
        Self { _server: server, senders }
    }
}

fn started(answer: &str) -> i64 {
    answer.parse().unwrap_or_else(|_| panic!("not started: {answer}"))
}

/// Plans a job of `kind` for a time that does not come while anybody asks.
fn plan(user: &UserClient, kind: &str) -> i64 {
    let form = [
        ("$name", "Plan"),
        ("$expression", "0 0 1 1 *"),
        ("$zone", "UTC"),
        ("$overlap", "skip"),
        ("$missed", "skip"),
        ("urls", "http://127.0.0.1:9/"),
    ];
    let form = if kind == PRIVATE.0 { &form[..] } else { &form[..5] };
    let planned = user.post(&format!("/schedules/new?kind={kind}"), form);
    let place = planned.headers().get("location").map(|place| place.to_str().unwrap().to_owned());
    let place = place.unwrap_or_else(|| panic!("not planned: {}", planned.text().unwrap()));
    place.strip_prefix("/schedules/").unwrap().parse().unwrap()
}

/// The cell of a sender: one word, or one for each of the three jobs; and what stands against the rule.
fn cell(way: &Way, sender: &Sender) -> Result<String, String> {
    let mut words = Vec::new();
    for (nth, pair) in sender.jobs.iter().enumerate().take(if way.about { 3 } else { 1 }) {
        let rule = Rule { private: nth == 2, ..Rule::default() };
        let name = sender.actor.who().map_or("", |who| &who.name);
        let starter = if nth == 0 && !matches!(sender.actor, Actor::Nobody) { name } else { "olga" };
        let subject = match (way.about, way.kind) {
            (true, _) if way.planned => Subject::Schedule { rule, owner: starter },
            (true, _) => Subject::Job { rule, starter },
            (false, Some(kind)) => Subject::Kind(kind),
            (false, None) => Subject::Any,
        };
        let ruled = match Outcome::by_rule(&sender.actor, way.action, subject) {
            // A page is asked for its own matter once whoever asks may see any.
            ruled @ (Outcome::Yes | Outcome::Hidden) if way.road == Road::Page => {
                match Outcome::by_rule(&sender.actor, Action::See, Subject::Any) {
                    Outcome::Yes => ruled,
                    unseen => unseen,
                }
            }
            ruled => ruled,
        };
        let number = if way.planned { sender.schedules[nth] } else { pair[usize::from(way.open)] };
        let said = (way.ask)(&sender.user, number);
        if said != ruled {
            let (said, ruled) = (said.word(), ruled.word());
            return Err(format!("{} by {} ({nth}): {said} instead of {ruled}", way.name, sender.name));
        }
        words.push(said.word());
    }
    let first = words[0];
    Ok(if words.iter().all(|word| *word == first) { first.to_owned() } else { words.join(" · ") })
}

#[test]
fn every_route_answers_every_role_as_the_policy_says() {
    let crowd = Crowd::gather();
    let mut table = String::from("| what | action |");
    for sender in &crowd.senders {
        write!(table, " {} |", sender.name).unwrap();
    }
    table += "\n|---|---|";
    table += &"---|".repeat(crowd.senders.len());
    table.push('\n');
    let mut wrong = Vec::new();
    let routes = server::router::table();
    for way in routes.iter().filter(|route| route.action != Action::Public).flat_map(ways) {
        write!(table, "| {} | {:?} |", way.name, way.action).unwrap();
        for sender in &crowd.senders {
            // A program that sends a token gets no pages with forms.
            if way.road == Road::Form && matches!(sender.actor, Actor::Program(..)) {
                table += " – |";
                continue;
            }
            match cell(&way, sender) {
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
    if env::var_os("RIGHTS").is_some_and(|wish| wish == "write") {
        fs::write(document, &now).unwrap();
    }
    assert!(text == now || env::var_os("RIGHTS").is_some(), "docs/rights.md is not what the server does; RIGHTS=write");
}

#[test]
fn every_server_function_is_in_the_route_table() {
    let rows: Vec<String> = server::router::table().iter().map(|route| route.path.to_string()).collect();
    let registered: Vec<&str> = leptos::server_fn::axum::server_fn_paths().map(|(path, _)| path).collect();
    assert!(!registered.is_empty());
    for path in &registered {
        assert!(rows.iter().any(|row| row == path), "{path} has no row in the table, so that nobody can call it");
    }
}
