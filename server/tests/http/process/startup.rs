//! Start of the server: settings and their precedence, address, locks, help.

use std::{fs, net::TcpListener, path::Path, process::Output};

use tempfile::TempDir;

use crate::support::process::{ServerProcess, command, run};

fn stderr_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn no_auth_on_reachable_address_is_rejected() {
    for addr in ["0.0.0.0:0", "[::]:0", "192.0.2.1:3000"] {
        let output = run(&["--addr", addr, "--no-auth"]);
        assert_eq!(output.status.code(), Some(2), "{addr}");
        let stderr = stderr_of(&output);
        assert!(stderr.contains("without accounts") && stderr.contains("Leave out --no-auth"), "{stderr}");
    }
}

#[test]
fn ipv6_loopback_serves() {
    let data = TempDir::new().unwrap();
    let mut command = command();
    command.args(["--addr", "[::1]:0", "--data-dir"]).arg(data.path());
    let server = ServerProcess::spawn(command);
    assert!(server.addr.is_ipv6());
    assert_eq!(server.status(&["GET /healthz HTTP/1.1", "host: [::1]"]), 200);
}

#[test]
fn second_server_on_same_data_is_rejected_with_pid() {
    let (first, data) = ServerProcess::start();
    let second = command().args(["serve", "--addr", "127.0.0.1:0", "--data-dir"]).arg(data.path()).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(stderr_of(&second).contains(&format!("kill {}", first.pid())), "{}", stderr_of(&second));
    assert!(second.stdout.is_empty());
}

#[test]
fn killed_server_leaves_no_lock() {
    let (first, data) = ServerProcess::start();
    first.signal("KILL");
    assert_eq!(first.wait().code(), None);
    ServerProcess::start_in(data.path(), &[]);
}

#[test]
fn port_in_use_is_rejected_before_data_is_touched() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let data = TempDir::new().unwrap();
    let output = command().args(["--addr", &addr, "--data-dir"]).arg(data.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr_of(&output).contains(&addr), "{}", stderr_of(&output));
    assert!(!data.path().join("milepost.db").exists());
}

/// The name of the data directory that the server has chosen.
fn chosen_data_dir(flag: bool, variable: bool, file: bool) -> String {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut command = command();
    command.current_dir(folder.path()).args(["--addr", "127.0.0.1:0"]);
    if file {
        fs::write(path("milepost.toml"), "data_dir = 'by-file'").unwrap();
        command.args(["--config", "milepost.toml"]);
    }
    if variable {
        command.env("MILEPOST_DATA_DIR", "by-variable");
    }
    if flag {
        command.args(["--data-dir", "by-flag"]);
    }
    let _running = ServerProcess::spawn(command);
    let mut used = ["by-flag", "by-variable", "by-file", "data"].iter().filter(|name| path(name).exists());
    let one = used.next().unwrap();
    assert_eq!(used.next(), None);
    (*one).to_owned()
}

#[test]
fn settings_precedence_is_flag_variable_file_default() {
    assert_eq!(chosen_data_dir(true, true, true), "by-flag");
    assert_eq!(chosen_data_dir(false, true, true), "by-variable");
    assert_eq!(chosen_data_dir(false, false, true), "by-file");
    assert_eq!(chosen_data_dir(false, false, false), "data");
}

fn rejected_config(text: &str) -> String {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("milepost.toml");
    fs::write(&file, text).unwrap();
    let output = command().arg("--config").arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    stderr_of(&output)
}

#[test]
fn unknown_or_invalid_setting_in_file_is_named() {
    assert!(rejected_config("concurency = 3").contains("`concurency`"));
    assert!(
        rejected_config("concurrency = 10001").contains("concurrency: 10001 is not possible; it can be 0 to 10000")
    );
    assert!(rejected_config("upload_limit = 'much'").contains("`much` is not a size"));
    assert!(
        rejected_config("session_idle = '59s'").contains("session_idle: 59s is not possible; it can be 1m to 30days")
    );
    assert!(rejected_config("session_idle = '2h'\nsession_lifetime = '1h'").contains("it can be 1m to 1h"));
    assert!(rejected_config("session_lifetime = '1s'").contains("session_lifetime: 1s is not possible"));
    assert!(rejected_config("addr = '0.0.0.0:80'\nno_auth = true").contains("without accounts"));
}

#[test]
fn missing_config_file_is_named() {
    let output = run(&["--config", "/nowhere/milepost.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr_of(&output).contains("/nowhere/milepost.toml"), "{}", stderr_of(&output));
}

#[test]
fn leptos_site_addr_sets_the_address() {
    let data = TempDir::new().unwrap();
    let mut command = command();
    command.env("LEPTOS_SITE_ADDR", "127.0.0.1:0").arg("serve").arg("--data-dir").arg(data.path());
    ServerProcess::spawn(command);
}

#[test]
fn help_lists_settings_with_variables_and_defaults() {
    let help = String::from_utf8(run(&["--help"]).stdout).unwrap();
    for setting in ["--addr", "MILEPOST_ADDR", "127.0.0.1:3000", "--data-dir", "--root", "MILEPOST_ROOT", "--config"] {
        assert!(help.contains(setting), "{setting} is missing in {help}");
    }
    let version = String::from_utf8(run(&["--version"]).stdout).unwrap();
    assert!(version.contains(env!("CARGO_PKG_VERSION")) && version.contains("build"), "{version}");
}

#[test]
fn health_command_reports_whether_the_server_responds() {
    let (server, _data) = ServerProcess::start();
    let addr = server.addr.to_string();
    assert_eq!(run(&["health", "--addr", &addr]).status.code(), Some(0));
    // The server listens on all addresses, as in a container; the check asks on this machine.
    let any = format!("0.0.0.0:{}", server.addr.port());
    assert_eq!(run(&["health", "--addr", &any]).status.code(), Some(0));
    drop(server);
    let stopped = run(&["health", "--addr", &addr]);
    assert_eq!(stopped.status.code(), Some(1));
    assert!(stderr_of(&stopped).contains(&format!("{addr} is not healthy")), "{}", stderr_of(&stopped));
}

#[test]
fn server_writes_only_to_its_data_directory() {
    let data = TempDir::new().unwrap();
    let mut command = command();
    command.current_dir(Path::new("/")).args(["--addr", "127.0.0.1:0", "--no-auth", "--data-dir"]).arg(data.path());
    let server = ServerProcess::spawn(command);
    assert_eq!(server.status(&["GET / HTTP/1.1", "host: localhost"]), 200);
}
