//! A gatekeeper on a store of its own, and short ways to say things.

use std::{fmt::Debug, net::IpAddr, path::Path, sync::Arc};

use accounts::Gatekeeper;
use engine::{
    Error,
    access::Rule,
    store::{AuditQuery, By, SqliteOptions, SqliteStore, Store, UserId},
};
use model::Role;
use tempfile::TempDir;

pub(crate) const PASSWORD: &str = "correct horse battery";

/// A gatekeeper with one administrator, root, who has [`PASSWORD`].
pub(crate) struct World {
    pub(crate) gate: Gatekeeper,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) root: UserId,
    pub(crate) folder: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let store = open(folder.path()).await;
        let gate = gatekeeper(&store).await;
        let link = gate.make_link(None, &by()).await.unwrap();
        let root = gate.use_link(link.reveal(), "root", PASSWORD, None).await.unwrap().person.id;
        Self { gate, store, root, folder }
    }

    /// Somebody who has [`PASSWORD`].
    pub(crate) async fn person(&self, name: &str, role: Role) -> UserId {
        let (user, link) = self.gate.add_person(name, role, &by()).await.unwrap();
        self.gate.use_link(link.reveal(), "", PASSWORD, None).await.unwrap();
        user
    }

    /// The details of the lines of the audit log with this word, the oldest first.
    pub(crate) async fn noted(&self, what: &str) -> Vec<String> {
        let query = AuditQuery { what: Some(what.to_owned()), limit: 1_000, ..AuditQuery::default() };
        let page = self.store.audit(&query).await.unwrap();
        page.rows.into_iter().rev().map(|row| row.detail).collect()
    }

    /// Whether somebody comes in with a password, from nowhere in particular.
    pub(crate) async fn comes_in(&self, name: &str, password: &str) -> bool {
        self.gate.sign_in(name, password, None).await.is_ok()
    }
}

pub(crate) async fn open(folder: &Path) -> Arc<dyn Store> {
    Arc::new(SqliteStore::open(SqliteOptions::new(folder.join("milepost.db"))).await.unwrap())
}

pub(crate) async fn gatekeeper(store: &Arc<dyn Store>) -> Gatekeeper {
    let tasks = vec![("backup".to_owned(), Rule { start: Role::Administrator, private: false })];
    Gatekeeper::open(Arc::clone(store), tasks).await.unwrap()
}

pub(crate) fn by() -> By {
    By::from("root")
}

/// An address that nobody else comes from.
#[expect(clippy::unnecessary_wraps, reason = "who signs in may come from nowhere")]
pub(crate) fn address(number: u32) -> Option<IpAddr> {
    Some(IpAddr::from((0x0a00_0000 + number).to_be_bytes()))
}

/// The fields at fault.
pub(crate) fn faults<T: Debug>(answer: Result<T, Error>) -> Vec<String> {
    match answer {
        Err(Error::InvalidInput(faults)) => faults.into_iter().map(|fault| fault.field).collect(),
        other => panic!("not an invalid input: {other:?}"),
    }
}

/// The word of a refusal.
pub(crate) fn refusal<T: Debug>(answer: Result<T, Error>) -> &'static str {
    match answer {
        Err(Error::Refused { code, .. }) => code,
        other => panic!("not refused: {other:?}"),
    }
}
