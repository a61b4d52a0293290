//! Information leaks: what error messages and file permissions could reveal.

use std::os::unix::fs::PermissionsExt;

use reqwest::Method;
use tempfile::TempDir;

use crate::support::{
    accounts::{ADA, ServerWithAccounts, link_secret},
    database::database,
    process::ServerProcess,
};

#[test]
fn health_check_hides_store_errors_from_anonymous_clients() {
    let (server, _ada) = ServerWithAccounts::with_admin();
    database(&server.data().join("milepost.db"), async |connection| {
        sqlx::query("alter table ledger rename to elsewhere").execute(connection).await.unwrap();
    });
    let stranger = server.new_client();
    let response = stranger.send(stranger.request(Method::GET, "/healthz"));
    assert_eq!(response.status(), 503);
    assert_eq!(response.text().unwrap(), "No sign of life: store readers. The server log may have the details.\n");
}

#[test]
fn files_in_shared_data_directory_are_private() {
    let data = TempDir::new().unwrap();
    std::fs::set_permissions(data.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut process = ServerProcess::with_accounts(data.path(), &[]);
    let link = link_secret(&process.setup_link());
    let server = ServerWithAccounts::from_process(process, data);
    let ada = server.new_client();
    ada.redeem_link(&link, ADA);
    ada.run();
    let entries: Vec<_> = std::fs::read_dir(server.data()).unwrap().map(Result::unwrap).collect();
    assert!(entries.iter().any(|entry| entry.file_name() == "milepost.db"));
    for entry in entries {
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}: {mode:o}", entry.path().display());
    }
}
