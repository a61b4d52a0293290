//! The terminal of a program in a process group of its own: the group in the foreground reads it and gets its keys.

use std::io::{IsTerminal as _, stdin};

use nix::sys::signal::{SigSet, Signal as NixSignal};
use rustix::{
    process::{Pid, Signal, getpgrp, getpid, kill_process, kill_process_group},
    termios::{tcgetpgrp, tcsetpgrp},
};

/// The foreground of the terminal, lent to the program.
#[derive(Debug)]
pub(crate) struct Foreground {
    program: Pid,
}

impl Foreground {
    /// Lets a group in the background use the terminal, for this thread and those that it starts. The program is not
    /// affected: `std` empties the mask of its processes.
    pub(crate) fn prepare() {
        let mut signals = SigSet::empty();
        signals.add(NixSignal::SIGTTOU);
        let _ = signals.thread_block();
    }

    /// Gives the foreground to the program, if the client has it.
    pub(crate) fn lend(program: Pid) -> Option<Self> {
        if !stdin().is_terminal() || tcgetpgrp(stdin()).ok() != Some(getpgrp()) {
            return None;
        }
        tcsetpgrp(stdin(), program).ok()?;
        // It may have been stopped by a read before.
        let _ = kill_process_group(program, Signal::CONT);
        Some(Self { program })
    }

    /// Follows a program that was stopped by a key: takes the terminal, stops as well, and continues with it.
    pub(crate) fn stop_with_program(&self) {
        let _ = tcsetpgrp(stdin(), getpgrp());
        let _ = kill_process(getpid(), Signal::STOP);
        let _ = tcsetpgrp(stdin(), self.program);
        let _ = kill_process_group(self.program, Signal::CONT);
    }
}

impl Drop for Foreground {
    fn drop(&mut self) {
        let _ = tcsetpgrp(stdin(), getpgrp());
    }
}
