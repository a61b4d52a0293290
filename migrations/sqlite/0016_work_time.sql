-- Work time: what the attempts of a job took, without pauses and waits.

-- Microseconds that the attempts before the current one took.
alter table job add column earlier_work integer not null default 0;
-- Microseconds that all attempts of the job had taken when this one ended.
alter table attempt add column work_time integer not null default 0;

update attempt set work_time = (
    select sum(earlier.ended_at - earlier.started_at) from attempt as earlier
    where earlier.job = attempt.job and earlier.attempt <= attempt.attempt
);
update job set earlier_work = coalesce((
    select attempt.work_time from attempt
    where attempt.job = job.id and attempt.attempt < job.attempt order by attempt.attempt desc limit 1
), 0)
where attempt > 1;

-- The recent record of a kind, readable from the index alone.
drop index attempt_by_kind;
create index attempt_by_kind on attempt (kind, ended_at, state, job, work_time);

-- Time of the last heartbeat: the end of an attempt that died with its process. Never used to decide whether it lives.
alter table node add column alive_at integer not null default 0;

-- Schedules that were paused by themselves.
create index schedule_suspended on schedule (paused_at) where paused_at is not null and paused_by is null;
