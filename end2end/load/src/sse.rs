//! Incremental parser of an HTTP response with server-sent events. The input can have any chunk size.

use memchr::{memchr, memmem};

/// A server-sent event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Event<'a> {
    /// The `event` field; may be empty.
    pub(crate) name: &'a [u8],
    /// The `id` field; may be empty.
    pub(crate) id: &'a [u8],
    /// The last line of the `data` field; none of the servers sends two.
    pub(crate) data: &'a [u8],
    /// Size of the event with its blank line, bytes.
    pub(crate) length: usize,
}

/// The head of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// The status code.
    pub(crate) status: u16,
}

/// A parsed piece of a response.
#[derive(Debug)]
pub(crate) enum Piece<'a> {
    /// The head.
    Head(Head),
    /// An event.
    Event(Event<'a>),
    /// The end of the response.
    End,
}

/// Maximum length of the size line of a chunk, and of the head, bytes.
const MAX_SIZE: usize = 64;
const MAX_HEAD: usize = 16 << 10;

/// The position of the parser in the response.
#[derive(Clone, Copy, Debug)]
enum State {
    Head,
    /// A body that is not chunked, up to the end of the connection.
    Plain,
    ChunkSize,
    ChunkData(usize),
    /// The line break after a chunk.
    ChunkEnd,
    End,
}

/// Parser of one response.
#[derive(Debug)]
pub(crate) struct Response {
    state: State,
    /// The incomplete head, or the incomplete size line of a chunk.
    partial: Vec<u8>,
    /// The incomplete event.
    event: Vec<u8>,
}

impl Response {
    pub(crate) const fn new() -> Self {
        Self { state: State::Head, partial: Vec::new(), event: Vec::new() }
    }

    /// Parses the next bytes, and calls `on` for each complete piece. Returns an error for an invalid response.
    pub(crate) fn read(&mut self, mut bytes: &[u8], on: &mut impl FnMut(Piece<'_>)) -> Result<(), &'static str> {
        while !bytes.is_empty() {
            bytes = match self.state {
                State::Head => self.head(bytes, on)?,
                State::Plain => {
                    self.text(bytes, on);
                    &[]
                }
                State::ChunkSize => self.size(bytes, on)?,
                State::ChunkData(left) => {
                    let (now, rest) = bytes.split_at(left.min(bytes.len()));
                    self.state = if now.len() == left { State::ChunkEnd } else { State::ChunkData(left - now.len()) };
                    self.text(now, on);
                    rest
                }
                State::ChunkEnd => {
                    if bytes[0] == b'\n' {
                        self.state = State::ChunkSize;
                    }
                    &bytes[1..]
                }
                State::End => return Ok(()),
            }
        }
        Ok(())
    }

    fn head<'a>(&mut self, bytes: &'a [u8], on: &mut impl FnMut(Piece<'_>)) -> Result<&'a [u8], &'static str> {
        let before = self.partial.len();
        self.partial.extend_from_slice(bytes);
        let Some(end) = memmem::find(&self.partial, b"\r\n\r\n") else {
            return if self.partial.len() > MAX_HEAD { Err("the head is too long") } else { Ok(&[]) };
        };
        let head = String::from_utf8_lossy(&self.partial[..end]).to_ascii_lowercase();
        let status = head.strip_prefix("http/1.").and_then(|rest| rest.get(2..5)).and_then(|text| text.parse().ok());
        let status = status.ok_or("not an HTTP/1 response")?;
        self.state = if head.contains("transfer-encoding: chunked") { State::ChunkSize } else { State::Plain };
        self.partial = Vec::new();
        on(Piece::Head(Head { status }));
        Ok(&bytes[end + 4 - before..])
    }

    fn size<'a>(&mut self, bytes: &'a [u8], on: &mut impl FnMut(Piece<'_>)) -> Result<&'a [u8], &'static str> {
        let Some(end) = memchr(b'\n', bytes) else {
            self.partial.extend_from_slice(bytes);
            return if self.partial.len() > MAX_SIZE { Err("the size of a chunk is too long") } else { Ok(&[]) };
        };
        let whole = if self.partial.is_empty() {
            length(&bytes[..end])
        } else {
            self.partial.extend_from_slice(&bytes[..end]);
            let whole = length(&self.partial);
            self.partial.clear();
            whole
        };
        self.state = match whole.ok_or("the size of a chunk is invalid")? {
            0 => {
                on(Piece::End);
                State::End
            }
            some => State::ChunkData(some),
        };
        Ok(&bytes[end + 1..])
    }

    fn text(&mut self, mut text: &[u8], on: &mut impl FnMut(Piece<'_>)) {
        if !self.event.is_empty() {
            // The blank line itself may be split.
            let from = self.event.len().saturating_sub(1);
            let upto = memmem::find(text, b"\n\n").map_or(text.len(), |end| end + 2);
            let upto = if self.event[from] == b'\n' && text[0] == b'\n' { 1 } else { upto };
            self.event.extend_from_slice(&text[..upto]);
            text = &text[upto..];
            if self.event.ends_with(b"\n\n") {
                on(Piece::Event(parse(&self.event[..self.event.len() - 2])));
                self.event.clear();
            }
        }
        while let Some(end) = memmem::find(text, b"\n\n") {
            on(Piece::Event(parse(&text[..end])));
            text = &text[end + 2..];
        }
        if !text.is_empty() {
            self.event.extend_from_slice(text);
        }
    }
}

/// Parses the size line of a chunk.
fn length(line: &[u8]) -> Option<usize> {
    let digits = line.split(|byte| !byte.is_ascii_hexdigit()).next().filter(|digits| !digits.is_empty())?;
    usize::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

fn parse(text: &[u8]) -> Event<'_> {
    let mut event = Event { name: &[], id: &[], data: &[], length: text.len() + 2 };
    let mut rest = text;
    while !rest.is_empty() {
        let line = &rest[..memchr(b'\n', rest).unwrap_or(rest.len())];
        rest = rest.get(line.len() + 1..).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let value = |rest| <[u8]>::strip_prefix(rest, b" ").unwrap_or(rest);
        if let Some(rest) = line.strip_prefix(b"data:") {
            event.data = value(rest);
        } else if let Some(rest) = line.strip_prefix(b"id:") {
            event.id = value(rest);
        } else if let Some(rest) = line.strip_prefix(b"event:") {
            event.name = value(rest);
        }
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIRE: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
        1a\r\nevent: a\nid: 7\ndata: one\n\n\r\n17\r\n:hi\n\ndata: two\n\ndata: t\r\n6\r\nhree\n\n\r\n0\r\n\r\n";

    #[test]
    fn response_is_parsed_in_chunks_of_any_size() {
        for size in 1..=WIRE.len() {
            let (mut response, mut received) = (Response::new(), Vec::new());
            for piece in WIRE.chunks(size) {
                let mut on = |piece: Piece<'_>| {
                    received.push(match piece {
                        Piece::Head(answered) => answered.status.to_string(),
                        Piece::Event(event) => {
                            String::from_utf8_lossy(&[event.name, event.id, event.data].concat()).into()
                        }
                        Piece::End => "end".to_owned(),
                    });
                };
                assert_eq!(response.read(piece, &mut on), Ok(()));
            }
            assert_eq!(received, ["200", "a7one", "", "two", "three", "end"], "in pieces of {size}");
        }
    }

    #[test]
    fn invalid_chunk_size_is_an_error() {
        let mut response = Response::new();
        let wire = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nno length\r\n";
        assert!(response.read(wire, &mut |_| {}).is_err());
    }
}
