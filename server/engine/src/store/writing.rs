//! Group commit: one writer for each store, generic over the database. Calls that wait share one transaction, buffered
//! writes join it, and each call gets its answer after the commit.
//!
//! | module | contents |
//! |---|---|
//! | `backend` | what the writer needs of a database |
//! | `writer` | the handle that callers hold |
//! | `actor` | the thread behind it: groups calls, commits, answers, retries alone what failed together |
//! | `batch` | the calls of one transaction |
//! | `buffered` `last_used` | writes that wait in memory for the next transaction |

mod actor;
mod backend;
mod batch;
mod buffered;
mod last_used;
mod writer;

pub(in crate::store) use self::{
    backend::{Committed, WriteBackend},
    batch::{Batch, Command, Pending},
    buffered::Buffered,
    last_used::LastUsed,
    writer::{Writer, WriterWaker},
};
