//! Event streams: revocation of open streams, private jobs, and subscriptions of other users' streams.

use std::time::{Duration, Instant};

use reqwest::{Method, header::AUTHORIZATION};
use serde_json::{Value, json};

use crate::support::{
    accounts::{PASSWORD, ServerWithAccounts, UserClient, make_private, make_token, user_id},
    database::query_value,
    sse_reader::SseReader,
};

/// The longest time from the end of a right to the end of its streams.
const SOON: Duration = Duration::from_secs(15);
const EVERYTHING: &str = "topic=jobs&topic=overview&topic=messages";

/// Asserts that the last event says `revoked` within [`SOON`]; `what` names the cause.
fn assert_revoked(mut reader: SseReader, since: Instant, what: &str) {
    let bye = reader.read_until(r#""reason":"#);
    assert!(bye.contains(r#""reason":"revoked""#), "{what}: {bye}");
    let took = since.elapsed();
    assert!(took < SOON, "{what}: {took:?}");
    println!("{what}: the stream ends after {took:?}");
    assert!(reader.lines.all(|line| line.unwrap().is_empty()), "{what}: something follows");
}

fn open_stream_with_token(server: &ServerWithAccounts, token: &str) -> SseReader {
    let client = server.new_client();
    let request = client.request(Method::GET, "/events?topic=jobs").header(AUTHORIZATION, format!("Bearer {token}"));
    SseReader::new(client.send(request))
}

#[test]
fn case_16_stream_ends_when_its_right_is_revoked() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let ben = server.add_user(&ada, "ben", "operator");
    let ben_id = user_id(&server, "ben");
    let check = |what: &str, reader: SseReader, act: &dyn Fn()| {
        let since = Instant::now();
        act();
        assert_revoked(reader, since, what);
    };
    let sign_in_again = || {
        let client = server.new_client();
        client.sign_in("ben");
        client
    };

    check("sign-out", SseReader::open(&ben, EVERYTHING), &|| drop(ben.submit("sign_out", &[])));
    let (ben, other) = (sign_in_again(), sign_in_again());
    check("sign-out everywhere else", SseReader::open(&other, EVERYTHING), &|| {
        drop(ben.call("end_other_sessions", &[]).error_for_status().unwrap());
    });
    let other = sign_in_again();
    check("another password", SseReader::open(&other, EVERYTHING), &|| {
        let form = [("old", PASSWORD), ("new", "eight green otters"), ("again", "eight green otters")];
        ben.call("change_password", &form).error_for_status().unwrap();
    });
    let change = |role: &str| {
        let form = [("user", ben_id.as_str()), ("role", role)];
        ada.call("change_role", &form).error_for_status().unwrap();
    };
    check("a smaller role", SseReader::open(&ben, EVERYTHING), &|| change("viewer"));
    check("a kind made private", SseReader::open(&ben, EVERYTHING), &|| make_private(&ada, "demo", true));
    let read = make_token(&ben, "reader", &["read"]);
    let id: i64 = query_value(server.data(), "select id from token where name = 'reader'");
    check("a revoked token", open_stream_with_token(&server, &read), &|| {
        drop(ada.call("revoke_token_of", &[("id", &id.to_string())]).error_for_status().unwrap());
    });
    check("a session ended by an administrator", SseReader::open(&ben, EVERYTHING), &|| {
        drop(ada.call("end_sessions_of", &[("user", &ben_id)]).error_for_status().unwrap());
    });
    let link: Value = ada.call("reset_password", &[("user", &ben_id)]).json().unwrap();
    let ben = server.new_client();
    ben.redeem_link(&crate::support::accounts::link_secret(link["secret"].as_str().unwrap()), "");
    check("removal", SseReader::open(&ben, EVERYTHING), &|| {
        drop(ada.call("remove_user", &[("user", &ben_id)]).error_for_status().unwrap());
    });
}

/// Runs a job that every user can see.
fn run_public_job(ada: &UserClient) -> i64 {
    let job = ada.call("start_job", &[("kind", "prune"), ("input", r#"{"logs":36500}"#)]);
    let job: i64 = job.error_for_status().unwrap().json().unwrap();
    ada.wait(job);
    job
}

fn change_subscriptions(user: &UserClient, stream: &str, body: &Value) -> u16 {
    let request = user.request(Method::POST, &format!("/events/{stream}"));
    user.send(request.header("content-type", "application/json").body(body.to_string())).status().as_u16()
}

/// The JSON by which an event names job `job`.
fn job_json(job: i64) -> [String; 2] {
    [format!(r#""job":{job},"#), format!(r#""job":{job}}}"#)]
}

#[test]
fn case_16_private_job_leaks_neither_live_nor_in_replay() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let vera = server.add_user(&ada, "vera", "viewer");
    make_private(&ada, "demo", true);
    let cursor = {
        let mut reader = SseReader::open(&vera, EVERYTHING);
        reader.read_until("event: snapshot");
        let (epoch, seq): (String, i64) = (
            query_value(server.data(), "select epoch from ledger"),
            query_value(server.data(), "select max(seq) from event"),
        );
        format!("{epoch}.{seq}")
    };
    let ended = ada.run();
    let running = ada.start(r#"{"seconds":600}"#);
    // Does not exist yet, and will be another user's.
    let next = running + 1;
    let named = [ended, running, next].map(|job| format!("&job={job}&row={job}")).concat();
    let mut live = SseReader::open(&vera, &format!("{EVERYTHING}{named}"));
    let mut asked_later = SseReader::open(&vera, "topic=jobs");
    let add: Vec<_> =
        [ended, running, next].iter().flat_map(|job| [format!("job={job}"), format!("row={job}")]).collect();
    assert_eq!(change_subscriptions(&vera, &asked_later.stream_id, &json!({ "add": add })), 204);
    assert_eq!(ada.start(r#"{"seconds":600}"#), next);
    ada.call("cancel_job", &[("id", &running.to_string())]).error_for_status().unwrap();
    ada.wait(running);
    let public = run_public_job(&ada);

    let never: Vec<String> = [ended, running, next].into_iter().flat_map(job_json).collect();
    let never: Vec<&str> = never.iter().map(String::as_str).chain(["Demo", "sample line at level"]).collect();
    let end = format!(r#""job":{public},"attempt":1,"state":"succeeded""#);
    for reader in [&mut live, &mut asked_later] {
        reader.read_until_without(&end, &never);
    }
    for query in [
        format!("{EVERYTHING}{named}&after={cursor}"),
        format!("topic=jobs&after={cursor}"),
        format!("topic=overview&after={cursor}"),
        // An unknown epoch: starts again with a snapshot.
        format!("topic=jobs{named}&row={public}&after=nothing.1"),
        format!("topic=jobs{named}&row={public}"),
    ] {
        SseReader::open(&vera, &query).read_until_without(&public.to_string(), &never);
    }
    let again = vera.request(Method::GET, &format!("/events?topic=jobs{named}")).header("last-event-id", &cursor);
    SseReader::new(vera.send(again)).read_until_without(&end, &never);
    for job in [ended, running, next] {
        for path in ["/events", "/events/poll"] {
            let asked = vera.get(&format!("{path}?job={job}&until=end"));
            assert_eq!(asked.status(), 404, "{path} of {job}");
        }
    }
    // The administrator does receive these events.
    let mut of_ada = SseReader::open(&ada, &format!("{EVERYTHING}&after={cursor}"));
    of_ada.read_until(&job_json(ended)[0]);
    of_ada.read_until(&job_json(next)[0]);
}

#[test]
fn stream_subscriptions_change_only_for_their_session() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let (vera, otto) = (server.add_user(&ada, "vera", "viewer"), server.add_user(&ada, "otto", "operator"));
    let mut reader = SseReader::open(&vera, "topic=jobs");
    let body = json!({ "add": ["overview"], "remove": ["jobs"] });
    assert_eq!(change_subscriptions(&otto, &reader.stream_id, &body), 404);
    assert_eq!(change_subscriptions(&ada, &reader.stream_id, &body), 404);
    assert_eq!(change_subscriptions(&server.new_client(), &reader.stream_id, &body), 401);
    for stream in ["0", "ffffffffffffffffffffffffffffffff", "..", "%00", &reader.stream_id[2..]] {
        let status = change_subscriptions(&vera, stream, &body);
        assert!(matches!(status, 404 | 405), "{stream}: {status}");
    }
    let job = run_public_job(&ada);
    reader.read_until(&format!(r#""job":{job},"attempt":1,"state":"succeeded""#));
    assert_eq!(change_subscriptions(&vera, &reader.stream_id, &body), 204);
}
