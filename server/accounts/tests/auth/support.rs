//! A auth_service on a store of its own, and short ways to say things.

use std::{fmt::Debug, net::IpAddr, path::Path, sync::Arc};

use accounts::AuthService;
use engine::{
    Error,
    access::Rule,
    store::{AuditQuery, By, SqliteOptions, SqliteStore, Store, UserId},
};
use model::Role;
use tempfile::TempDir;

pub(crate) const PASSWORD: &str = "correct horse battery";

/// A auth_service with one administrator, root, who has [`PASSWORD`].
pub(crate) struct World {
    pub(crate) auth: AuthService,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) root: UserId,
    pub(crate) folder: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let store = open(folder.path()).await;
        let auth = auth_service(&store).await;
        let link = auth.make_link(None, &by()).await.unwrap();
        let root = auth.use_link(link.reveal(), "root", PASSWORD, None).await.unwrap().user.id;
        Self { auth, store, root, folder }
    }

    /// Somebody who has [`PASSWORD`].
    pub(crate) async fn add_user(&self, name: &str, role: Role) -> UserId {
        let (user, link) = self.auth.add_user(name, role, &by()).await.unwrap();
        self.auth.use_link(link.reveal(), "", PASSWORD, None).await.unwrap();
        user
    }

    /// The details of the lines of the audit log with this word, the oldest first.
    pub(crate) async fn audit_details(&self, what: &str) -> Vec<String> {
        let query = AuditQuery { what: Some(what.to_owned()), limit: 1_000, ..AuditQuery::default() };
        let page = self.store.audit(&query).await.unwrap();
        page.rows.into_iter().rev().map(|row| row.detail).collect()
    }

    /// Whether somebody comes in with a password, from nowhere in particular.
    pub(crate) async fn can_sign_in(&self, name: &str, password: &str) -> bool {
        self.auth.sign_in(name, password, None).await.is_ok()
    }
}

pub(crate) async fn open(folder: &Path) -> Arc<dyn Store> {
    Arc::new(SqliteStore::open(SqliteOptions::new(folder.join("milepost.db"))).await.unwrap())
}

pub(crate) async fn auth_service(store: &Arc<dyn Store>) -> AuthService {
    let tasks = vec![("backup".to_owned(), Rule { start: Role::Administrator, private: false })];
    AuthService::open(Arc::clone(store), tasks).await.unwrap()
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
