//! Attacks: what strangers, neighbours, programs and files try against a server with accounts, and what comes of it.

mod bombs;
mod crowds;
mod forged;
mod formulas;
mod guessing;
mod late;
mod markup;
mod neighbours;
mod oversize;
mod paths;
mod scripts;
mod sessions;
mod smuggling;
mod streams;
mod tokens;

use std::{
    io::{Read, Write},
    path::Path,
};

use reqwest::{
    Method,
    blocking::Response,
    header::{ACCEPT, AUTHORIZATION},
};
use serde_json::Value;
use sqlx::Row;

use crate::{
    database::database,
    milepost::Milepost,
    people::{House, Visitor},
};

/// Sends exactly these bytes, and answers everything that comes back until the server closes.
fn exchange(milepost: &Milepost, bytes: &[u8]) -> String {
    let mut stream = milepost.connect();
    // A server that refuses early may close before all is out; its answer is there all the same.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// The status of the first answer; 0 where there was none.
fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

/// A new token of `owner`'s.
pub(crate) fn token(owner: &Visitor, name: &str, scopes: &[&str]) -> String {
    let mut form = vec![("name", name), ("expires", "never")];
    form.extend(scopes.iter().map(|scope| (*scope, "on")));
    let made: Value = owner.call("make_token", &form).error_for_status().unwrap().json().unwrap();
    made["secret"].as_str().unwrap().to_owned()
}

/// Asks with a token, as a program does.
fn ask_with(house: &House, token: &str, method: Method, path: &str, form: &[(&str, &str)]) -> Response {
    let nobody = house.visitor();
    let request = nobody.request(method, path).header(AUTHORIZATION, format!("Bearer {token}"));
    let request = if form.is_empty() { request } else { request.form(form) };
    nobody.send(request)
}

/// What a program is answered at a page or file that it asks for by its cookies.
fn fetch(visitor: &Visitor, path: &str) -> u16 {
    visitor.send(visitor.request(Method::GET, path).header(ACCEPT, "*/*")).status().as_u16()
}

/// The number of somebody.
fn number_of(house: &House, name: &str) -> String {
    let number: i64 = cell(house.data(), &format!("select id from user where name = '{name}'"));
    number.to_string()
}

/// Makes the jobs of a kind private, or not.
fn make_private(ada: &Visitor, kind: &str, private: bool) {
    let seen_by = if private { "starter" } else { "everybody" };
    let form = [("kind", kind), ("start", ""), ("seen_by", seen_by)];
    ada.call("change_kind_rule", &form).error_for_status().unwrap();
}

/// The first cell of what the server's database answers.
fn cell<T: for<'a> sqlx::Decode<'a, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>>(data: &Path, query: &str) -> T {
    let query = sqlx::AssertSqlSafe(query.to_owned());
    database(&data.join("milepost.db"), async |connection| {
        sqlx::query(query).fetch_one(connection).await.unwrap().get(0)
    })
}
