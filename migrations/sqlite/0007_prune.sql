-- Up to which line the log of a job is being removed: of a deleted job all of it, of one that stays what it had then.
alter table log_garbage add column until_line integer not null default 9223372036854775807;
