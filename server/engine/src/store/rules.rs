//! Domain rules of the store, without SQL: every database takes the same decisions, and only reads and writes differ.
//!
//! | module | rule |
//! |---|---|
//! | `outcome` | how an attempt ends |
//! | `dead_worker` | what becomes of the running jobs of a dead worker |
//! | `job_commands` | what cancel, pause, resume, retry, start now, dismiss and delete do in each state |
//! | `new_job` | in which state a job is accepted, idempotency keys |
//! | `accounts` | the last administrator, refused changes of users, links and tokens |
//! | `capacity` | how many jobs of each kind and queue a claim may take |
//! | `control` | pausing and limiting a queue or a kind |
//! | `due_run` | which due runs of a schedule start, wait or are skipped |
//! | `message` | messages and notes: composing, repeated sends |
//! | `counters` | the counts that an event carries |
//! | `reports` | which ends of reported jobs a later report reverts |
//! | `record` | the words for what happened, in events, activity and audit log |
//! | `limits` | quotas, and how much is kept for how long |

pub(super) mod accounts;
pub(super) mod capacity;
pub(super) mod control;
pub(super) mod counters;
pub(super) mod dead_worker;
pub(super) mod due_run;
pub(crate) mod job_commands;
pub(super) mod limits;
pub(super) mod message;
pub(super) mod new_job;
pub(super) mod outcome;
pub(super) mod record;
pub(crate) mod reports;
