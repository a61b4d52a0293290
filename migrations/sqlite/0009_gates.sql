-- What people have decided about queues and kinds. What has no row is open and without a limit.
create table gate (
    what text not null check (what = 'queue' or what = 'kind'),
    name text not null,
    paused_at integer,
    paused_by text check ((paused_by is null) = (paused_at is null)),
    -- How many jobs may run at once, in all processes together.
    at_once integer check (at_once > 0),
    primary key (what, name)
) strict, without rowid;
