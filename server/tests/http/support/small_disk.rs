//! A small disk (tmpfs) in a mount namespace of its own, which servers can be started on one after the other.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use crate::support::process::{PROGRAM, ServerProcess, clean_command, system_command};

/// The mount point inside the namespace.
const MOUNT_POINT: &str = "/mnt";

/// Mounts the disk and keeps it until standard input closes.
const MOUNT_AND_WAIT: &str = r#"mount -t tmpfs -o size="$1" tmpfs "$2" && echo mounted && exec cat"#;

/// The process that keeps the mount namespace.
pub(crate) struct SmallDisk(Child);

impl SmallDisk {
    /// Mounts a disk of this size; `None` where the system does not permit mounts.
    pub(crate) fn mount(size: &str) -> Option<Self> {
        let may_mount = Command::new("unshare").args(["-rm", "true"]).status().is_ok_and(|status| status.success());
        if !may_mount {
            return None;
        }
        let mut command = clean_command("unshare");
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").args([
            "-rm",
            "sh",
            "-c",
            MOUNT_AND_WAIT,
            "sh",
            size,
            MOUNT_POINT,
        ]);
        let mut holder = command.stdin(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "mounted\n");
        Some(Self(holder))
    }

    /// The path of the disk for this process.
    pub(crate) fn path(&self) -> PathBuf {
        format!("/proc/{}/root{MOUNT_POINT}", self.0.id()).into()
    }

    /// Starts a server whose data directory is the disk.
    pub(crate) fn start(&self, arguments: &[&str]) -> ServerProcess {
        let mut command = system_command("nsenter");
        command.args(["--preserve-credentials", "--user", "--mount", "--target", &self.0.id().to_string()]);
        command.args([PROGRAM, "--addr", "127.0.0.1:0", "--no-auth", "--data-dir", MOUNT_POINT]).args(arguments);
        ServerProcess::spawn(command)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
