-- +goose Up
create table tenant (
    id            uuid         primary key,
    name          varchar(255) not null,
    database_name varchar(63)  not null,
    is_active     boolean      not null default true,
    created_at    timestamptz  not null,
    updated_at    timestamptz  not null,
    created_by    uuid         not null,
    version       bigint       not null
);

create table members (
    user_id   uuid        primary key,
    role      varchar(50) not null,
    joined_at timestamptz not null
);

create table files (
    id          uuid         primary key,
    md5_hash    varchar(32)  not null,
    sha256_hash varchar(64)  not null,
    s3_path     varchar(500) not null,
    file_size   bigint       not null,
    status      varchar(20)  not null, -- processing, ready, failed
    created_at  timestamptz  not null,
    updated_at  timestamptz  not null,
    created_by  uuid         not null,
    version     bigint       not null
) with (fillfactor = 70); -- rows change in place
create index on files (md5_hash);
create index on files (created_at, id);

create table documents (
    id         uuid         primary key,
    filename   varchar(255) not null,
    mime_type  varchar(100) not null,
    file_id    uuid         not null references files (id),
    user_id    uuid         not null,
    created_at timestamptz  not null,
    updated_at timestamptz  not null,
    created_by uuid         not null,
    version    bigint       not null
) with (fillfactor = 70); -- rows change in place
create index on documents (file_id);
create index on documents (created_at, id);

create table trail (
    seq            bigint      primary key,
    event_id       uuid        not null,
    event_type     text        not null,
    stream_kind    text        not null,
    stream_id      uuid        not null,
    stream_version bigint      not null,
    user_id        uuid,
    command_id     uuid        not null,
    request_id     text        not null,
    at             timestamptz not null,
    data           jsonb       not null
);
create index on trail (stream_id, seq);

create table checkpoints (
    ledger_id  uuid   not null,
    projection text   not null,
    seq        bigint not null,
    primary key (ledger_id, projection)
) with (fillfactor = 50);

-- +goose Down
drop table checkpoints, trail, documents, files, members, tenant;
