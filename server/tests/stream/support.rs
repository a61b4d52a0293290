//! Shared helpers: a hand-driven source of events, readers of streams and a proxy that injects faults.

pub(crate) mod fault_proxy;
pub(crate) mod ledger;
pub(crate) mod sse_parser;
pub(crate) mod stream_reader;
