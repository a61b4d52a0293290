//! Memory of the parser. A separate test program, since it measures its own process.

use output_parser::{Format, MAX_LINE, Reader, Stream};

/// Returns the resident memory of this process, bytes.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    4096 * pages.split_whitespace().nth(1).expect("a number").parse::<u64>().expect("a number")
}

#[test]
fn long_line_or_sequence_does_not_grow_memory() {
    const CHUNK: usize = 64 << 10;
    const CHUNKS: usize = 64;
    let beginnings: [&[u8]; 5] = [b"", b"\x1b]0;", b"\x1b[", b"\x1bP", b"{\"progress\":\""];
    for beginning in beginnings {
        for fill in [b'x', b'1', b';', 0xc3, 0] {
            let mut reader = Reader::new(Format::Auto);
            let chunk = vec![fill; CHUNK];
            reader.push(Stream::Err, beginning);
            reader.push(Stream::Err, &chunk);
            let before = resident();
            for _ in 0..CHUNKS {
                assert_eq!(reader.push(Stream::Err, &chunk), []);
            }
            let grown = resident().saturating_sub(before);
            assert!(grown < 16 * MAX_LINE as u64, "{grown} bytes more after {beginning:?} and much of {fill}");
            assert!(reader.finish().len() <= 1);
        }
    }
}
