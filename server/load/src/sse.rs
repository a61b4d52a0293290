//! Reads one answer of a stream: head, chunks, events. Bytes may come in any pieces.

use memchr::{memchr, memmem};

/// An event as it stood on the wire.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Event<'a> {
    /// Empty where it has none.
    pub(crate) name: &'a [u8],
    /// Empty where it has none.
    pub(crate) id: &'a [u8],
    /// The first line of its data; nobody here sends two.
    pub(crate) data: &'a [u8],
    /// Bytes of all of it, with the blank line.
    pub(crate) length: usize,
}

/// How an answer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Its status.
    pub(crate) status: u16,
}

/// What a piece of the answer brings.
#[derive(Debug)]
pub(crate) enum Piece<'a> {
    /// The head is complete.
    Head(Head),
    /// An event is.
    Event(Event<'a>),
    /// So is the answer.
    End,
}

/// The longest line of a chunk's length, and the longest head, bytes.
const LONGEST_SIZE: usize = 64;
const LONGEST_HEAD: usize = 16 << 10;

/// Where in the answer the next byte stands.
#[derive(Clone, Copy, Debug)]
enum Place {
    Head,
    /// Not chunked: events to the end of the connection.
    Plain,
    Size,
    Data(usize),
    /// The line break after a chunk.
    Break,
    Over,
}

/// One answer being read.
#[derive(Debug)]
pub(crate) struct Answer {
    place: Place,
    /// The begun head, or length of a chunk.
    begun: Vec<u8>,
    /// The begun event.
    event: Vec<u8>,
}

impl Answer {
    pub(crate) const fn new() -> Self {
        Self { place: Place::Head, begun: Vec::new(), event: Vec::new() }
    }

    /// Takes the next bytes; `on` hears of all that is complete with them. `Err` where they are no such answer.
    pub(crate) fn read(&mut self, mut bytes: &[u8], on: &mut impl FnMut(Piece<'_>)) -> Result<(), &'static str> {
        while !bytes.is_empty() {
            bytes = match self.place {
                Place::Head => self.head(bytes, on)?,
                Place::Plain => {
                    self.text(bytes, on);
                    &[]
                }
                Place::Size => self.size(bytes, on)?,
                Place::Data(left) => {
                    let (now, rest) = bytes.split_at(left.min(bytes.len()));
                    self.place = if now.len() == left { Place::Break } else { Place::Data(left - now.len()) };
                    self.text(now, on);
                    rest
                }
                Place::Break => {
                    if bytes[0] == b'\n' {
                        self.place = Place::Size;
                    }
                    &bytes[1..]
                }
                Place::Over => return Ok(()),
            }
        }
        Ok(())
    }

    fn head<'a>(&mut self, bytes: &'a [u8], on: &mut impl FnMut(Piece<'_>)) -> Result<&'a [u8], &'static str> {
        let before = self.begun.len();
        self.begun.extend_from_slice(bytes);
        let Some(end) = memmem::find(&self.begun, b"\r\n\r\n") else {
            return if self.begun.len() > LONGEST_HEAD { Err("a head without an end") } else { Ok(&[]) };
        };
        let head = String::from_utf8_lossy(&self.begun[..end]).to_ascii_lowercase();
        let status = head.strip_prefix("http/1.").and_then(|rest| rest.get(2..5)).and_then(|text| text.parse().ok());
        let status = status.ok_or("no HTTP/1 answer")?;
        self.place = if head.contains("transfer-encoding: chunked") { Place::Size } else { Place::Plain };
        self.begun = Vec::new();
        on(Piece::Head(Head { status }));
        Ok(&bytes[end + 4 - before..])
    }

    fn size<'a>(&mut self, bytes: &'a [u8], on: &mut impl FnMut(Piece<'_>)) -> Result<&'a [u8], &'static str> {
        let Some(end) = memchr(b'\n', bytes) else {
            self.begun.extend_from_slice(bytes);
            return if self.begun.len() > LONGEST_SIZE { Err("a chunk without a length") } else { Ok(&[]) };
        };
        let whole = if self.begun.is_empty() {
            length(&bytes[..end])
        } else {
            self.begun.extend_from_slice(&bytes[..end]);
            let whole = length(&self.begun);
            self.begun.clear();
            whole
        };
        self.place = match whole.ok_or("a chunk whose length is none")? {
            0 => {
                on(Piece::End);
                Place::Over
            }
            some => Place::Data(some),
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

/// The length of a chunk, from its line.
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
    fn an_answer_reads_the_same_whatever_its_pieces() {
        for size in 1..=WIRE.len() {
            let (mut answer, mut heard) = (Answer::new(), Vec::new());
            for piece in WIRE.chunks(size) {
                let mut on = |piece: Piece<'_>| {
                    heard.push(match piece {
                        Piece::Head(answered) => answered.status.to_string(),
                        Piece::Event(event) => {
                            String::from_utf8_lossy(&[event.name, event.id, event.data].concat()).into()
                        }
                        Piece::End => "end".to_owned(),
                    });
                };
                assert_eq!(answer.read(piece, &mut on), Ok(()));
            }
            assert_eq!(heard, ["200", "a7one", "", "two", "three", "end"], "in pieces of {size}");
        }
    }

    #[test]
    fn what_is_no_chunk_is_an_error() {
        let mut answer = Answer::new();
        let wire = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nno length\r\n";
        assert!(answer.read(wire, &mut |_| {}).is_err());
    }
}
