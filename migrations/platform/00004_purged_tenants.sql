-- +goose Up
alter table tenants add column purged_at timestamptz; -- when its database and objects were gone
create index tenants_to_purge on tenants (updated_at, id) where not is_active and purged_at is null;

-- +goose Down
drop index tenants_to_purge;
alter table tenants drop column purged_at;
