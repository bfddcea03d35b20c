-- +goose Up
create schema ledger;

-- One row a ledger: where it ends, and the compact range of its Merkle tree
-- (RFC 6962; the range's hashes, 32 bytes each, one after the other). Locking
-- this row is what orders the appends of a ledger. It changes with every append:
-- each row has a page to itself, so that it can change in place.
create table ledger.heads (
    ledger_id uuid        primary key,
    seq       bigint      not null check (seq >= 0),
    at        timestamptz not null,
    range     bytea       not null
) with (fillfactor = 10);

create table ledger.events (
    ledger_id      uuid        not null,
    seq            bigint      not null,
    stream_id      uuid        not null,
    stream_version bigint      not null,
    event_id       uuid        not null,
    type           text        not null,
    at             timestamptz not null,
    traceparent    text        not null,
    body           bytea       not null, -- canonical bytes, as hashed and as published
    primary key (ledger_id, seq),
    unique (ledger_id, stream_id, stream_version)
);

-- What was answered to a command, so that a retry gets the same answer.
create table ledger.commands (
    ledger_id   uuid        not null,
    command_id  uuid        not null,
    fingerprint bytea       not null, -- SHA-256 of the command's payload
    last_seq    bigint      not null,
    outcome     bytea       not null,
    at          timestamptz not null,
    primary key (ledger_id, command_id)
);

-- Ranges of events that are not on Kafka yet. Rows of one ledger have ids in
-- ledger order, because its head is locked when they are drawn.
create table ledger.outbox (
    id        bigint generated always as identity primary key,
    ledger_id uuid   not null,
    first_seq bigint not null,
    last_seq  bigint not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);

-- +goose StatementBegin
create function ledger.refuse_rewrite() returns trigger language plpgsql as $$
begin
    raise exception 'the ledger is append-only: % of % refused', tg_op, tg_table_name
        using errcode = 'insufficient_privilege';
end
$$;
-- +goose StatementEnd

create trigger events_append_only before update or delete on ledger.events
    for each row execute function ledger.refuse_rewrite();
create trigger events_never_truncated before truncate on ledger.events
    for each statement execute function ledger.refuse_rewrite();

-- +goose Down
drop schema ledger cascade;
