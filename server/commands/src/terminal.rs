//! A pseudo-terminal, for programs that keep their lines back, their colours and their bars to themselves where they do not
//! write to one.

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

/// What programs take for its size, columns and lines: bars and tables fit into a page's log.
const SIZE: Winsize = Winsize { ws_col: 120, ws_row: 40, ws_xpixel: 0, ws_ypixel: 0 };

/// The end of a terminal where one reads what programs have written to it, much as from a pipe. Nothing is ever typed.
#[derive(Debug)]
pub(crate) struct Terminal(Receiver);

impl Terminal {
    /// A new one, and the end for programs. It is nobody's controlling terminal, and neither end is inherited by chance.
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
        // Not as `Receiver` itself does it: less than there is room for does not mean that there is no more.
        loop {
            ready!(self.0.poll_read_ready(context))?;
            return Poll::Ready(match self.0.try_read(buffer.initialize_unfilled()) {
                Ok(length) => {
                    buffer.advance(length);
                    Ok(())
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                // All programs have closed it, and all that they wrote has been read.
                Err(error) if error.raw_os_error() == Some(Errno::IO.raw_os_error()) => Ok(()),
                Err(error) => Err(error),
            });
        }
    }
}
