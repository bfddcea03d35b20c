-- +goose Up
-- Attempts to sign in, by what they are counted for: an account's address, a client,
-- or the two together. Keys are HMACs, so that the table holds no address.
create table identity.login_attempts (
    key         bytea         primary key check (length(key) = 32),
    failed      timestamptz[] not null default '{}', -- of the last 15 minutes, oldest first
    pending     timestamptz[] not null default '{}', -- begun, outcome not known yet
    refused     bigint        not null default 0,    -- since a refusal was last recorded
    reported_at timestamptz,                         -- when a refusal was last recorded
    known_until timestamptz,                         -- the client has proven to be the account's until then
    expires_at  timestamptz   not null
) with (fillfactor = 70);

insert into identity.secrets (name, value)
values ('login_attempts', uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));

-- What a user recognises a session by.
alter table identity.sessions
    add column user_agent   text        not null default '',
    add column refreshed_at timestamptz not null default now();

-- +goose Down
alter table identity.sessions drop column refreshed_at, drop column user_agent;
delete from identity.secrets where name = 'login_attempts';
drop table identity.login_attempts;
