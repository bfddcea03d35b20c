-- +goose Up
-- What documents and their bytes were at any point of the ledger: a row is so from
-- from_seq on, until before to_seq. The projector fills them from the ledger.
create table document_versions (
    id           uuid         not null,
    from_seq     bigint       not null,
    to_seq       bigint       not null, -- 9223372036854775807: still so
    filename     varchar(255) not null,
    filename_key text collate "C" not null, -- of filename: case folded, NFC
    mime_type    varchar(100) not null,
    file_id      uuid         not null,
    user_id      uuid         not null,
    created_at   timestamptz  not null,
    updated_at   timestamptz  not null,
    created_by   uuid         not null,
    version      bigint       not null,
    primary key (id, from_seq)
) with (fillfactor = 80); -- rows change once, in place
create index on document_versions (file_id);
create index on document_versions (created_at, id);
create index on document_versions (filename_key, id);
create index on document_versions (user_id, created_at, id);

create table file_versions (
    id          uuid         not null,
    from_seq    bigint       not null,
    to_seq      bigint       not null, -- 9223372036854775807: still so
    md5_hash    varchar(32)  not null,
    sha256_hash varchar(64)  not null,
    s3_path     varchar(500) not null,
    file_size   bigint       not null,
    status      varchar(20)  not null, -- processing, ready, failed
    failure     text, -- why it failed
    primary key (id, from_seq)
) with (fillfactor = 80); -- rows change once, in place
create index on file_versions (file_size);

-- +goose Down
drop table file_versions, document_versions;
delete from checkpoints where projection = 'versions';
