-- Failed and interrupted jobs that a user dismissed need no attention until they are retried.
alter table job add column dismissed_at integer;

drop index job_attention;
create index job_attention on job (ended_at)
where state in ('failed', 'interrupted') and repeated_by is null and dismissed_at is null;
