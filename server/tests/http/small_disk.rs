//! A small disk that only the servers on it see. It outlives them.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use crate::milepost::{Milepost, PROGRAM, bare, command_by};

/// Where it is mounted.
const MOUNTED: &str = "/mnt";

/// Mounts it and holds it until its input ends.
const HOLD: &str = r#"mount -t tmpfs -o size="$1" tmpfs "$2" && echo mounted && exec cat"#;

/// The process that holds it.
pub(crate) struct SmallDisk(Child);

impl SmallDisk {
    /// One of this size; `None` where the system lets nobody mount one.
    pub(crate) fn mount(size: &str) -> Option<Self> {
        let may_mount = Command::new("unshare").args(["-rm", "true"]).status().is_ok_and(|status| status.success());
        if !may_mount {
            return None;
        }
        let mut command = bare("unshare");
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").args(["-rm", "sh", "-c", HOLD, "sh", size, MOUNTED]);
        let mut holder = command.stdin(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "mounted\n");
        Some(Self(holder))
    }

    /// The disk, as this process can see it.
    pub(crate) fn path(&self) -> PathBuf {
        format!("/proc/{}/root{MOUNTED}", self.0.id()).into()
    }

    /// A server whose data directory it is.
    pub(crate) fn start(&self, arguments: &[&str]) -> Milepost {
        let mut command = command_by("nsenter");
        command.args(["--preserve-credentials", "--user", "--mount", "--target", &self.0.id().to_string()]);
        command.args([PROGRAM, "--addr", "127.0.0.1:0", "--no-auth", "--data-dir", MOUNTED]).args(arguments);
        Milepost::spawn(command)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
