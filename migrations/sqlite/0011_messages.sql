-- What people have told each other, for the page that shows it. Each has the number of the event by which it was told;
-- events go after a day, these after thirty, or when ten thousand newer ones have come.
create table message (
    id integer primary key,
    at integer not null,
    by text not null,
    -- Whom it is for: one person, by name, or whoever watches a job; everybody where it is neither.
    user text,
    job integer references job on delete cascade,
    -- `info`, `success`, `warning` or `danger`.
    tone text not null,
    text text not null,
    -- What its sender called it, so that it is sent once however often they ask.
    key text,
    check (user is null or job is null)
) strict;

create index message_by_time on message (at);
create index message_by_job on message (job) where job is not null;
create unique index message_by_key on message (by, key) where key is not null;

-- What people have noted on a job, with the numbers of their events. Goes with the job.
create table job_note (
    id integer primary key,
    job integer not null references job on delete cascade,
    at integer not null,
    by text not null,
    text text not null,
    key text
) strict;

create index job_note_by_job on job_note (job);
create unique index job_note_by_key on job_note (by, key) where key is not null;
