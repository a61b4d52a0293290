-- Bytes of large inputs that are kept, by who started their jobs: they count against the same quota as uploads. Small
-- ones, up to 4 KiB, do not.
create table input_use (
    by text primary key,
    bytes integer not null
) strict, without rowid;

insert into input_use (by, bytes)
select job.created_by, sum(octet_length(job_input.input))
from job_input join job on job.id = job_input.job
where octet_length(job_input.input) > 4096
group by job.created_by;
