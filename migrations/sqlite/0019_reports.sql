-- Reported jobs: programs elsewhere do the work and report it.

-- The host that reports the job; empty if it has no name. Null for a job whose task runs here.
alter table job add column reported_from text;
-- Since when no report has come, although the reporter promised them.
alter table job add column no_contact_since integer;

-- What reports the job. It stays for 14 days after the job was deleted, so that a late report is told of that.
create table reporter (
    job integer primary key,
    -- The user whose token reports, and the name of the token.
    owner text not null,
    token text not null,
    kind text not null,
    -- The reporter's name for this run, or one that the server gave it.
    run text not null,
    is_named integer not null,
    -- Tells two programs apart that report under one name; empty before the first batch.
    writer text not null default '',
    -- Entries of batches whose log lines are durable.
    acked integer not null default 0,
    -- The newest part of the log that was sent by a numbered signal.
    part integer not null default 0,
    -- Seconds within which the reporter promised the next report.
    heartbeat integer,
    -- The start entry, JSON.
    start text not null,
    gone_at integer
) strict;

create unique index reporter_by_run on reporter (owner, kind, run);
create index reporter_gone on reporter (gone_at) where gone_at is not null;
