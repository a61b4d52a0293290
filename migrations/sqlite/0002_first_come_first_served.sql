-- The event with which a job came into the line. A retried job is as late as whatever came with its retry, though its
-- number is old. What waits already stands before all that comes, in the order of its numbers.
alter table job add column in_line integer not null default 0;

-- Serves the claim and the number in line: a merge of one range for each kind.
create index job_in_line on job (kind, in_line, id) where state = 'queued';
