-- +goose Up
-- What must never stand in an immutable trail: secrets and keys.
create schema identity;

create table identity.credentials (
    user_id       uuid         primary key,
    password_hash varchar(255) not null, -- argon2id, PHC string
    updated_at    timestamptz  not null default now()
);

-- One key a person; without it that person's data in the trail can't be read.
create table identity.person_keys (
    user_id    uuid        primary key,
    key        bytea       not null check (length(key) = 32),
    created_at timestamptz not null default now()
);

-- A session is a family of refresh tokens, of which only the newest is good.
create table identity.sessions (
    id           uuid        primary key,
    user_id      uuid        not null,
    refresh_hash bytea       not null, -- SHA-256 of the newest refresh token's id
    created_at   timestamptz not null default now(),
    expires_at   timestamptz not null,
    revoked_at   timestamptz
);
create index on identity.sessions (user_id);
create index on identity.sessions (expires_at);

-- Secrets that the platform draws for itself, once.
create table identity.secrets (
    name  text  primary key,
    value bytea not null
);
-- Keys the ids of e-mail claim streams, so that a trail does not give away addresses to guessing.
insert into identity.secrets (name, value)
values ('email_claims', uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));

-- +goose Down
drop schema identity cascade;
