//! An authentication service on a store of its own, and helpers.

use std::{fmt::Debug, net::IpAddr, path::Path, sync::Arc};

use accounts::AuthService;
use engine::{
    Error,
    access::Rule,
    store::{Attribution, AuditQuery, SqliteOptions, SqliteStore, Store, UserId},
};
use model::Role;
use tempfile::TempDir;

pub(crate) const PASSWORD: &str = "correct horse battery";

/// An authentication service with one administrator, root, whose password is [`PASSWORD`].
pub(crate) struct TestAuth {
    pub(crate) auth: AuthService,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) root: UserId,
    pub(crate) folder: TempDir,
}

impl TestAuth {
    pub(crate) async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let store = open(folder.path()).await;
        let auth = auth_service(&store).await;
        let link = auth.make_link(None, &by()).await.unwrap();
        let root = auth.use_link(link.reveal(), "root", PASSWORD, None).await.unwrap().user.id;
        Self { auth, store, root, folder }
    }

    /// Adds a user whose password is [`PASSWORD`].
    pub(crate) async fn add_user(&self, name: &str, role: Role) -> UserId {
        let (user, link) = self.auth.add_user(name, role, &by()).await.unwrap();
        self.auth.use_link(link.reveal(), "", PASSWORD, None).await.unwrap();
        user
    }

    /// Returns the details of the audit entries of one action, oldest first.
    pub(crate) async fn audit_details(&self, what: &str) -> Vec<String> {
        let query = AuditQuery { what: Some(what.to_owned()), limit: 1_000, ..AuditQuery::default() };
        let page = self.store.audit(&query).await.unwrap();
        page.rows.into_iter().rev().map(|row| row.detail).collect()
    }

    /// Whether sign-in succeeds, from no known address.
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

pub(crate) fn by() -> Attribution {
    Attribution::from("root")
}

/// Returns a client address of its own for each number.
#[expect(clippy::unnecessary_wraps, reason = "the address of a client is optional")]
pub(crate) fn address(number: u32) -> Option<IpAddr> {
    Some(IpAddr::from((0x0a00_0000 + number).to_be_bytes()))
}

/// Returns the names of the invalid fields.
pub(crate) fn invalid_fields<T: Debug>(result: Result<T, Error>) -> Vec<String> {
    match result {
        Err(Error::InvalidInput(errors)) => errors.into_iter().map(|error| error.field).collect(),
        other => panic!("not an invalid input: {other:?}"),
    }
}

/// Returns the code of a refusal.
pub(crate) fn refusal_code<T: Debug>(result: Result<T, Error>) -> &'static str {
    match result {
        Err(Error::Refused { code, .. }) => code,
        other => panic!("not refused: {other:?}"),
    }
}
