-- Everybody who may sign in, or could once: who has been removed stays, so that a name never comes to mean somebody else,
-- in jobs and in the audit log.
create table user (
    id integer primary key,
    -- In lower case. What people start and do is theirs by it.
    name text not null unique check (name = lower(name)),
    role text not null check (role = 'viewer' or role = 'operator' or role = 'administrator'),
    -- An argon2id PHC string; null until they have chosen a password, and when they have been removed.
    password text,
    -- An IANA name; null for the server's own.
    time_zone text,
    created_at integer not null,
    -- To the minute, like all such times here: one write a minute for who works all day.
    seen_at integer,
    removed_at integer
) strict;

-- What is given to somebody who is to choose a password, by the hash of its secret. Goes when it is used.
create table link (
    key blob primary key,
    -- Null for the one that makes the first administrator.
    user integer references user,
    created_at integer not null,
    expires integer not null
) strict, without rowid;

-- What programs come with, by the hash of it. A revoked one is deleted; its number does not come again.
create table token (
    id integer primary key autoincrement,
    key blob not null unique,
    user integer not null references user,
    name text not null,
    -- Its first characters, by which people know it again.
    hint text not null,
    -- Words, with a space between them.
    scopes text not null,
    created_at integer not null,
    expires integer,
    used_at integer,
    unique (user, name)
) strict;

-- Whose session it is, once somebody has signed in; the other three are known then too.
alter table session add column user integer references user;
alter table session add column device text;
alter table session add column since integer;
alter table session add column used integer;

create index session_by_user on session (user) where user is not null;
create index session_by_use on session (used) where user is not null;

-- What administrators have decided about kinds. Null leaves it to the task.
create table kind_rule (
    kind text primary key,
    start_role text check (start_role = 'viewer' or start_role = 'operator' or start_role = 'administrator'),
    private integer check (private = 0 or private = 1)
) strict, without rowid;

-- Rises with every change of who may do what, so that every process can tell by one number whether what it remembers of
-- that still holds.
alter table ledger add column access integer not null default 0;

-- Who did what. Names stand in it as they were, for what they mean may be gone. Nothing is ever changed in it.
create table audit (
    -- Of the first line that the row stands for.
    id integer primary key,
    at integer not null,
    who text not null,
    -- The name of the token it was done with, and the address of who asked.
    token text,
    address text,
    what text not null,
    job integer,
    -- How many lines the row stands for, all alike but for the job, which is the next one in each. What somebody starts by
    -- the hundred is a row for each commit: a row for each start would make starts a third dearer.
    lines integer not null default 1,
    detail text not null
) strict;

-- What one person did is a merge of one range for each word; a time is found by halving the numbers, which rise with it.
create index audit_by_who on audit (who, what);
create index audit_by_what on audit (what);
create index audit_by_job on audit (job) where job is not null;
create index audit_by_run on audit (job) where lines > 1;

-- Who sent it; null for those of earlier builds.
alter table upload add column by text;

-- How much a person has sent, readable from the index alone.
create index upload_by_sender on upload (by, size) where by is not null;
