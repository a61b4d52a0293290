-- Where a job can go on from: the latest of its checkpoints, whichever attempt made it. A table of its own, because most
-- jobs never make one and progress rewrites `job` all the time. Goes when the job succeeds.
create table checkpoint (
    job integer primary key references job on delete cascade,
    -- The attempt that made it.
    attempt integer not null,
    at integer not null,
    -- Counted until then; the next attempt counts on from here.
    warnings integer not null,
    -- The task's own state, JSON.
    data text not null
) strict;
