//! What is kept of what is printed. In a process of its own: it is the process whose memory is looked at.

use readout::{Convention, LONGEST, Reader, Stream};

/// What this process has in memory, bytes.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    4096 * pages.split_whitespace().nth(1).expect("a number").parse::<u64>().expect("a number")
}

#[test]
fn no_line_and_no_control_sequence_is_so_long_that_memory_grows() {
    const CHUNK: usize = 64 << 10;
    const CHUNKS: usize = 64;
    let beginnings: [&[u8]; 5] = [b"", b"\x1b]0;", b"\x1b[", b"\x1bP", b"{\"progress\":\""];
    for beginning in beginnings {
        for fill in [b'x', b'1', b';', 0xc3, 0] {
            let mut reader = Reader::new(Convention::Auto);
            let chunk = vec![fill; CHUNK];
            reader.push(Stream::Err, beginning);
            reader.push(Stream::Err, &chunk);
            let before = resident();
            for _ in 0..CHUNKS {
                assert_eq!(reader.push(Stream::Err, &chunk), []);
            }
            let grown = resident().saturating_sub(before);
            assert!(grown < 16 * LONGEST as u64, "{grown} bytes more after {beginning:?} and much of {fill}");
            assert!(reader.finish().len() <= 1);
        }
    }
}
