#!/usr/bin/env bash
# Run once by the postgres image, on an empty data directory: the platform's
# role, which may create databases and nothing else of the kind, and the main
# database.
set -euo pipefail

psql -v ON_ERROR_STOP=1 -v password="$DATABASE_PASSWORD" --username postgres --dbname postgres <<'SQL'
create role cartulary login createdb nosuperuser nocreaterole noreplication password :'password';
create database saas_platform owner cartulary encoding 'UTF8' template template0;
revoke all on database saas_platform from public;
SQL
