-- How urgent a job is: higher stands before lower, whenever it came.
alter table job add column priority integer not null default 0;
-- While a job with such a key is not over, no other one of its kind with the same key is accepted.
alter table job add column unique_key text;

drop index job_in_line;
-- Serves the claim and the number in line: a merge of one range for each kind.
create index job_in_line on job (kind, priority desc, in_line, id) where state = 'queued';

create unique index job_unique on job (kind, unique_key) where unique_key is not null
    and (state = 'scheduled' or state = 'queued' or state = 'running' or state = 'paused');

-- What a start was called by whoever asked for it: asked again under the same key within a day, it is the same job.
create table start_key (
    key text primary key,
    at integer not null,
    job integer not null references job on delete cascade
) strict, without rowid;

create index start_key_by_time on start_key (at);
create index start_key_by_job on start_key (job);
