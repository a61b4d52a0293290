-- The name that pages show in place of the one to sign in with. Rights and the audit log go by the latter.
alter table user add column display_name text check (display_name <> '');
