-- How an attempt went that took longer than a second: a few hundred points at most, as JSON. Written now and then while it
-- runs, and with its end; goes with its job.
create table progress_history (
    job integer not null references job on delete cascade,
    attempt integer not null,
    curve text not null,
    primary key (job, attempt)
) strict;
