//! The client as a process, in an environment of its own.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use super::server::Server;

pub(crate) const CLIENT: &str = env!("CARGO_BIN_EXE_milepost-client");

/// A home directory, with a spool in it.
pub(crate) struct Home(PathBuf);

impl Home {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("milepost-client-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn spool(&self) -> PathBuf {
        self.0.join("spool")
    }

    /// Returns the names of the spooled runs.
    pub(crate) fn heads(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.spool()) else { return Vec::new() };
        let names = entries.map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned());
        names.filter(|name| name.strip_suffix(".head").is_some()).collect()
    }

    /// Returns the client with these arguments, without a server.
    pub(crate) fn client(&self, args: &[&str]) -> Command {
        let mut command = Command::new(CLIENT);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", &self.0).env("MILEPOST_SPOOL", self.spool());
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Returns the client with these arguments, for this server.
    pub(crate) fn client_of(&self, server: &Server, args: &[&str]) -> Command {
        let mut command = self.client(args);
        command.env("MILEPOST_URL", server.url());
        command
    }

    /// Runs a shell script under the client.
    pub(crate) fn run(&self, server: &Server, flags: &[&str], script: &str) -> Output {
        self.client_of(server, &[&["run"], flags, &["--", "sh", "-c", script]].concat()).output().expect("it starts")
    }

    /// Starts a shell script under the client.
    pub(crate) fn spawn(&self, server: &Server, flags: &[&str], script: &str) -> Child {
        self.client_of(server, &[&["run"], flags, &["--", "sh", "-c", script]].concat()).spawn().expect("it starts")
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Passes input to a process and waits for it.
pub(crate) fn with_input(mut command: Command, input: &[u8]) -> Output {
    let mut child = command.stdin(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input).expect("it reads"));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("all is written");
    output
}

/// Sends a signal to a process.
pub(crate) fn kill(child: &Child, signal: &str) {
    let status = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().expect("kill exists");
    assert!(status.success());
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
