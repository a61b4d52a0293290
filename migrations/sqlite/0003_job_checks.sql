-- no-transaction
-- A list of more than two words in a `check` is made into a table of its own at every write, which was a tenth of the
-- time of each transaction; the same words joined by `or` cost nothing. SQLite changes a constraint only by copying the
-- table (https://sqlite.org/lang_altertable.html#otheralter), with foreign keys off, and those cannot be switched in a
-- transaction.
pragma foreign_keys = off;
begin immediate;

drop table if exists job_copy;
create table job_copy (
    id integer primary key,
    kind text not null,
    title text not null,
    created_by text not null,
    created_at integer not null,
    -- The event with which it came into the line. A retried job is as late as whatever came with its retry, though its
    -- number is old. What waits already stands before all that comes, in the order of its numbers.
    in_line integer not null,
    max_attempts integer not null,
    -- How many attempts have been charged; what was handed back is not.
    charged integer not null default 0,
    rerun_of integer,
    -- The newest job that repeats this one.
    repeated_by integer,
    state text not null check (
        state = 'running' or state = 'succeeded' or state = 'queued' or state = 'failed' or
        state = 'cancelled' or state = 'interrupted' or state = 'scheduled' or state = 'paused'
    ),
    attempt integer not null default 1,
    -- The process that holds it while it runs; with `attempt` it fences the worker's writes.
    boot text check ((boot is not null) = (state = 'running')),
    run_at integer,
    started_at integer,
    ended_at integer,
    cancel_requested_at integer,
    cancel_requested_by text,
    not_responding integer not null default 0,
    failure_code text,
    failure_message text,
    -- Lines in the log, over all attempts.
    log_lines integer not null default 0,
    -- `model::Progress` as JSON; null before the first report.
    progress text
) strict;

insert into job_copy (id, kind, title, created_by, created_at, in_line, max_attempts, charged, rerun_of, repeated_by,
    state, attempt, boot, run_at, started_at, ended_at, cancel_requested_at, cancel_requested_by, not_responding,
    failure_code, failure_message, log_lines, progress)
select id, kind, title, created_by, created_at, in_line, max_attempts, charged, rerun_of, repeated_by,
    state, attempt, boot, run_at, started_at, ended_at, cancel_requested_at, cancel_requested_by, not_responding,
    failure_code, failure_message, log_lines, progress
from job;

drop table job;
alter table job_copy rename to job;

-- Serves lists by state and by kind: each is a merge of a few of its ranges.
create index job_by_state on job (state, kind, id);
create index job_by_time on job (created_at);
create index job_due on job (run_at) where state = 'scheduled';
-- What needs attention. A retry leaves it with its state, a repetition by `repeated_by`.
create index job_attention on job (ended_at) where state in ('failed', 'interrupted') and repeated_by is null;
-- Serves the claim and the number in line: a merge of one range for each kind.
create index job_in_line on job (kind, in_line, id) where state = 'queued';

commit;
pragma foreign_keys = on;
