//! Streaming responses of HTTP/1.1 that are written to the socket directly.
//!
//! hyper reads the requests of a connection and writes their responses. A response marked with a [`StreamingBody`] is
//! handed over instead: [`serve_connection`] returns it, hyper's state of the connection is dropped, and
//! [`StreamingResponse::send`] writes head and chunks to the socket. hyper would hold its buffers for as long as the
//! response is open, and copy every frame through them. The ADR `docs/adr/0008-streaming-response.md` has the figures.
//!
//! Format: chunked transfer coding (RFC 9112, 7.1). The connection ends with the response, and says so. HTTP/1.0 and
//! HEAD are not handed over.

mod handover;
mod response;
mod write_timeout;

pub use handover::serve_connection;
pub use response::{FallbackBody, StreamingBody, StreamingResponse};
pub use write_timeout::WriteTimeoutStream;
