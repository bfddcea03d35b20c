-- +goose Up
-- Events that workers could not act on yet. A row goes when its event was acted on.
create schema work;

create table work.deferred (
    queue      text        not null,
    event_id   uuid        not null,
    event_type text        not null,
    ledger_id  uuid        not null,
    stream_id  uuid        not null,
    body       bytea       not null, -- as published
    attempts   integer     not null, -- that failed
    reason     text        not null, -- of the last failure
    since      timestamptz not null default now(),
    due_at     timestamptz not null, -- when it is to be tried again
    primary key (queue, event_id)
);
create index on work.deferred (queue, due_at);

-- +goose Down
drop schema work cascade;
