-- The processes that work on this file. Each beats its heart in its own row; the others judge by whether the number
-- still rises, each by its own clock, never by a time that somebody wrote down. The row of a process goes in the
-- transaction that settles its jobs: while it is there, nothing has been taken away from it.
create table node (
    -- The process, since its start.
    boot text primary key,
    -- The kernel it runs on, by its boot id: where that is our own, a lock file that is missing proves a death.
    kernel text not null,
    -- For people who look, with the kernel.
    pid integer not null,
    -- `server` or `worker`.
    role text not null,
    -- Jobs it runs at once.
    concurrency integer not null,
    -- When it started, for people: the time of day judges nobody.
    started_at integer not null,
    -- Microseconds without a heartbeat after which it counts as dead.
    lease integer not null,
    heartbeat integer not null default 0
) strict, without rowid;
