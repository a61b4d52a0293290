-- Groups of processes that attempts have started beside the server, such as those of commands. A row is there before the
-- program begins, and goes when nothing of it is left: whoever finds the server dead ends what it left.
create table process_group (
    -- Who started it.
    boot text not null,
    -- Its number, which is that of its first process …
    leader integer not null,
    -- … and when that one began, in the kernel's ticks since it did: numbers come again, this does not.
    started integer not null,
    -- The kernel that both are true of, by its boot id.
    kernel text not null,
    -- For people who look.
    job integer not null,
    attempt integer not null,
    primary key (boot, leader)
) strict, without rowid;

-- What tasks say of who may start them and see their jobs, as the last server that had them knew it. Jobs stay when their
-- task goes, and who may see them does not change by that.
create table declared_rule (
    kind text primary key,
    start_role text not null check (start_role = 'viewer' or start_role = 'operator' or start_role = 'administrator'),
    private integer not null check (private = 0 or private = 1)
) strict, without rowid;
