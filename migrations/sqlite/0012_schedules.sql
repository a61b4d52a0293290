-- What is to be started again and again, and when. When the next run is due is worked out by the engine, which knows the
-- calendar, and handed in.
create table schedule (
    -- A deleted one's number does not come again.
    id integer primary key autoincrement,
    name text not null,
    kind text not null,
    -- The input of its jobs, JSON.
    input text not null,
    priority integer not null,
    -- A cron expression, and the IANA zone whose clocks it is read by.
    expression text not null,
    zone text not null,
    -- What is done where the run before is not over: `skip`, `queue` or `cancel`.
    overlap text not null,
    -- What is done about runs that were missed: `skip`, `once` or `all`, and of the latter at most so many.
    missed text not null,
    missed_most integer not null check (missed_most > 0),
    -- Whose it is, by name: its jobs start in this name.
    owner text not null,
    created_at integer not null,
    changed_at integer not null,
    changed_by text not null,
    -- Rises with whatever a person changes, so that nothing is done on the ground of what it was before.
    revision integer not null default 1,
    -- When the next run is due; all before it have been seen to. Null where none will ever be.
    next_at integer,
    paused_at integer,
    -- Null where it was paused by itself, for the reason beside it.
    paused_by text check (paused_by is null or paused_at is not null),
    paused_why text not null default ''
) strict;

create index schedule_due on schedule (next_at) where paused_at is null;

-- Runs that have come due and wait for the one before to end.
create table schedule_wait (
    schedule integer not null references schedule on delete cascade,
    due integer not null,
    primary key (schedule, due)
) strict, without rowid;

-- Runs that were not started, for the history: the newest of each schedule.
create table schedule_skip (
    id integer primary key,
    schedule integer not null references schedule on delete cascade,
    -- The first and the last of them, and how many they are.
    due integer not null,
    last_due integer not null,
    runs integer not null,
    -- When that was decided.
    at integer not null,
    -- Why, a word of `engine::store::Why`.
    why text not null,
    -- The job that stood against it.
    job integer
) strict;

create index schedule_skip_by_schedule on schedule_skip (schedule);

-- Which schedule's input refers to which upload; such an upload stays.
create table schedule_upload (
    schedule integer not null references schedule on delete cascade,
    upload text not null references upload,
    primary key (schedule, upload)
) strict, without rowid;

create index schedule_upload_by_upload on schedule_upload (upload);

-- The schedule that a job is a run of, and the time it was due; that is null where a person started it.
alter table job add column schedule integer references schedule on delete set null;
alter table job add column due integer;

create index job_by_schedule on job (schedule) where schedule is not null;
-- The runs of a schedule that are not over.
create index job_of_schedule on job (schedule) where schedule is not null
    and (state = 'scheduled' or state = 'queued' or state = 'running' or state = 'paused');
