//! Pseudo-terminal: for programs that buffer their lines or omit colours and progress bars when they write to a pipe.

use std::{
    io,
    os::fd::OwnedFd,
    pin::Pin,
    task::{Context, Poll, ready},
};

use rustix::{
    fs::{Mode, OFlags},
    io::{Errno, ioctl_fionbio},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, OptionalActions, Winsize, tcgetattr, tcsetattr, tcsetwinsize},
};
use tokio::{
    io::{AsyncRead, ReadBuf},
    net::unix::pipe::Receiver,
};

/// Columns and lines that programs see: bars and tables fit into the log of a page.
const SIZE: Winsize = Winsize { ws_col: 120, ws_row: 40, ws_xpixel: 0, ws_ypixel: 0 };

/// The reading end of a pseudo-terminal. Nothing is ever written to it.
#[derive(Debug)]
pub(crate) struct Terminal(Receiver);

impl Terminal {
    /// Opens a pseudo-terminal and returns its reading end and the end for programs. It becomes no process's
    /// controlling terminal, and both ends are close-on-exec.
    pub(crate) fn open() -> io::Result<(Self, OwnedFd)> {
        let reader = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&reader)?;
        unlockpt(&reader)?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let writer = rustix::fs::open(ptsname(&reader, Vec::new())?, flags, Mode::empty())?;
        let mut modes = tcgetattr(&writer)?;
        modes.local_modes -= LocalModes::ECHO;
        tcsetattr(&writer, OptionalActions::Now, &modes)?;
        tcsetwinsize(&writer, SIZE)?;
        ioctl_fionbio(&reader, true)?;
        Ok((Self(Receiver::from_owned_fd_unchecked(reader)?), writer))
    }
}

impl AsyncRead for Terminal {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // `Receiver::poll_read` clears readiness after a short read; a terminal may have more data then.
        loop {
            ready!(self.0.poll_read_ready(context))?;
            return Poll::Ready(match self.0.try_read(buffer.initialize_unfilled()) {
                Ok(length) => {
                    buffer.advance(length);
                    Ok(())
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                // EIO: all programs have closed it and everything is read.
                Err(error) if error.raw_os_error() == Some(Errno::IO.raw_os_error()) => Ok(()),
                Err(error) => Err(error),
            });
        }
    }
}
