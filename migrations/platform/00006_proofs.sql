-- +goose Up

-- Hashes of each ledger's Merkle tree (C2SP tlog-tiles): tile (level, index) holds the
-- hashes 256·index … of level 8·level, 32 bytes each. A tile only ever grows. Tiles
-- follow from the events: whoever owns the table may empty it, and they are made anew.
create table ledger.tiles (
    ledger_id uuid     not null,
    level     smallint not null check (level between 0 and 7),
    index     bigint   not null check (index >= 0),
    hashes    bytea    not null check (length(hashes) between 32 and 8192 and length(hashes) % 32 = 0),
    primary key (ledger_id, level, index)
);
alter table ledger.tiles alter column hashes set storage external; -- hashes don't compress

-- What was signed: that the first size events of a ledger have the tree of the given root.
create table ledger.checkpoints (
    ledger_id uuid        not null,
    size      bigint      not null check (size > 0),
    root      bytea       not null check (length(root) = 32),
    note      bytea       not null, -- signed note, as published
    at        timestamptz not null default now(),
    primary key (ledger_id, size)
);

-- Public keys of those who signed.
create table ledger.checkpoint_keys (
    verifier text        primary key, -- note verifier key: name+hash+key
    since    timestamptz not null default now()
);

-- Checkpoints that are not everywhere yet where they are published.
create table ledger.checkpoint_outbox (
    ledger_id uuid   not null,
    size      bigint not null,
    primary key (ledger_id, size)
);

create trigger checkpoints_append_only before update or delete on ledger.checkpoints
    for each row execute function ledger.refuse_rewrite();
create trigger checkpoints_never_truncated before truncate on ledger.checkpoints
    for each statement execute function ledger.refuse_rewrite();
create trigger checkpoint_keys_append_only before update or delete on ledger.checkpoint_keys
    for each row execute function ledger.refuse_rewrite();
create trigger checkpoint_keys_never_truncated before truncate on ledger.checkpoint_keys
    for each statement execute function ledger.refuse_rewrite();

-- +goose StatementBegin
create function ledger.refuse_shrinking() returns trigger language plpgsql as $$
begin
    if (new.ledger_id, new.level, new.index) is distinct from (old.ledger_id, old.level, old.index)
        or substr(new.hashes, 1, length(old.hashes)) <> old.hashes then
        raise exception 'tiles only grow: % of % refused', tg_op, tg_table_name
            using errcode = 'insufficient_privilege';
    end if;
    return new;
end
$$;
-- +goose StatementEnd

create trigger tiles_only_grow before update on ledger.tiles
    for each row execute function ledger.refuse_shrinking();

-- +goose Down
drop table ledger.checkpoint_outbox, ledger.checkpoint_keys, ledger.checkpoints, ledger.tiles;
drop function ledger.refuse_shrinking();
