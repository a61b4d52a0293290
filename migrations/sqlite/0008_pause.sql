-- When a person asked a running job to be set aside; it is at its next checkpoint.
alter table job add column pause_requested_at integer;
