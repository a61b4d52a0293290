-- Times are microseconds since 1970 UTC. States are the words of `model::JobState`. All tables are strict.

-- One row: what the writer counts, so that no page ever counts rows. Read and written in every write transaction.
create table ledger (
    only_row integer primary key check (only_row = 1),
    -- Identity of the event log; part of every cursor.
    epoch text not null,
    -- The newest event, and the newest one that has been trimmed away.
    seq integer not null default 0,
    trimmed integer not null default 0,
    -- The newest job. Kept here because a deleted job's number must not come again.
    last_job integer not null default 0,
    scheduled integer not null default 0 check (scheduled >= 0),
    queued integer not null default 0 check (queued >= 0),
    running integer not null default 0 check (running >= 0),
    paused integer not null default 0 check (paused >= 0),
    succeeded integer not null default 0 check (succeeded >= 0),
    failed integer not null default 0 check (failed >= 0),
    cancelled integer not null default 0 check (cancelled >= 0),
    interrupted integer not null default 0 check (interrupted >= 0),
    artifact_bytes integer not null default 0 check (artifact_bytes >= 0),
    upload_bytes integer not null default 0 check (upload_bytes >= 0)
) strict;

insert into ledger (only_row, epoch) values (1, lower(hex(randomblob(8))));

-- Every kind that a job was ever accepted of. Lists merge one index range per kind and state.
create table kind (
    name text primary key,
    jobs integer not null default 0
) strict, without rowid;

-- A job as lists and streams show it; small, because progress rewrites it. What is big lives in tables of its own.
create table job (
    id integer primary key,
    kind text not null,
    title text not null,
    created_by text not null,
    created_at integer not null,
    max_attempts integer not null,
    -- How many attempts have been charged; what was handed back is not.
    charged integer not null default 0,
    rerun_of integer,
    -- The newest job that repeats this one.
    repeated_by integer,
    state text not null check (state in
        ('scheduled', 'queued', 'running', 'paused', 'succeeded', 'failed', 'cancelled', 'interrupted')),
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

-- Serves the claim, lists by state and by kind, and the number in line: each is a merge of a few of its ranges.
create index job_by_state on job (state, kind, id);
create index job_by_time on job (created_at);
create index job_due on job (run_at) where state = 'scheduled';
-- What needs attention. A retry leaves it with its state, a repetition by `repeated_by`.
create index job_attention on job (ended_at) where state in ('failed', 'interrupted') and repeated_by is null;

create table job_input (
    job integer primary key references job on delete cascade,
    input text not null
) strict;

-- Attempts that are over; the one that runs stands in `job`.
create table attempt (
    job integer not null references job on delete cascade,
    attempt integer not null,
    kind text not null,
    -- How it ended; `queued` where it was handed back.
    state text not null,
    started_at integer not null,
    ended_at integer not null,
    boot text not null,
    failure_code text,
    failure_message text,
    trace text,
    progress text,
    -- Seconds in each stage, a JSON array.
    stage_seconds text,
    -- What a successful one returned, JSON.
    output text,
    primary key (job, attempt)
) strict, without rowid;

-- The recent record of a kind, readable from the index alone.
create index attempt_by_kind on attempt (kind, ended_at, state, job, started_at);

-- What people did to a job. What its workers did stands in `attempt`.
create table activity (
    id integer primary key,
    job integer not null references job on delete cascade,
    at integer not null,
    what text not null,
    attempt integer not null,
    by text,
    detail text not null default ''
) strict;

create index activity_by_job on activity (job);

-- Log lines in the chunks in which they came: a JSON array of [at, level, text].
create table log (
    job integer not null,
    first_line integer not null,
    last_line integer not null,
    attempt integer not null,
    -- The gravest level in it, 0 to 3, so that a filter can pass over the rest.
    gravest integer not null,
    lines text not null,
    primary key (job, first_line)
) strict, without rowid;

-- Deleted jobs whose log is still being removed, a little at a time.
create table log_garbage (
    job integer primary key
) strict;

create table artifact (
    job integer not null references job on delete cascade,
    attempt integer not null,
    name text not null,
    size integer not null,
    at integer not null,
    primary key (job, attempt, name)
) strict, without rowid;

create table upload (
    id text primary key,
    name text not null,
    size integer not null,
    at integer not null
) strict, without rowid;

create index upload_by_time on upload (at);

-- Which job's input refers to which upload; such an upload stays.
create table upload_use (
    job integer not null references job on delete cascade,
    upload text not null references upload,
    primary key (job, upload)
) strict, without rowid;

create index upload_use_by_upload on upload_use (upload);

-- The durable events, in the one order they share. Kept for a day and up to a million.
create table event (
    seq integer primary key,
    at integer not null,
    job integer,
    -- `state`: its values as a JSON array. `message`: the event as JSON. `log`: null; the lines are the chunk of `log`
    -- that starts at `first_line`.
    type text not null,
    first_line integer,
    body text
) strict;

-- What ended in each hour since 1970.
create table hour (
    hour integer primary key,
    succeeded integer not null default 0,
    failed integer not null default 0,
    cancelled integer not null default 0
) strict;

-- Web sessions, by the hash of their id.
create table session (
    key blob primary key,
    data blob not null,
    expires integer not null
) strict, without rowid;

create index session_by_expiry on session (expires);
