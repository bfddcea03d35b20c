#!/usr/bin/env bash
# Run once by the postgres image, on an empty data directory: the main database,
# its owner, who migrates it, and the role that the platform runs as, which may create
# databases and nothing else of the kind. The owner is a member of that role, never
# the other way round: so the platform can't rewrite the trail.
set -euo pipefail

psql -v ON_ERROR_STOP=1 -v password="$DATABASE_PASSWORD" -v owner_password="$DATABASE_OWNER_PASSWORD" --username postgres --dbname postgres <<'SQL'
create role cartulary login createdb nosuperuser nocreaterole noreplication password :'password';
create role cartulary_owner login createdb nosuperuser nocreaterole noreplication password :'owner_password';
grant cartulary to cartulary_owner;
create database saas_platform owner cartulary_owner encoding 'UTF8' template template0;
revoke all on database saas_platform from public;
SQL
