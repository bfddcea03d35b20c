-- +goose Up
create table users (
    id         uuid         primary key,
    first_name varchar(100) not null,
    last_name  varchar(100) not null,
    email      varchar(255) not null unique,
    is_active  boolean      not null default true,
    created_at timestamptz  not null,
    updated_at timestamptz  not null,
    created_by uuid,
    version    bigint       not null
);

create table tenants (
    id            uuid         primary key,
    name          varchar(255) not null,
    database_name varchar(63)  not null unique,
    is_active     boolean      not null default true,
    is_ready      boolean      not null default false, -- its database is provisioned
    created_at    timestamptz  not null,
    updated_at    timestamptz  not null,
    created_by    uuid         not null,
    version       bigint       not null
);

create table user_tenant_associations (
    user_id   uuid        not null references users (id),
    tenant_id uuid        not null references tenants (id),
    role      varchar(50) not null,
    joined_at timestamptz not null,
    primary key (user_id, tenant_id)
);
create index on user_tenant_associations (tenant_id);

-- How far each projection has applied each ledger. Moves with the rows.
create table checkpoints (
    ledger_id  uuid   not null,
    projection text   not null,
    seq        bigint not null,
    primary key (ledger_id, projection)
) with (fillfactor = 50);

-- +goose Down
drop table checkpoints, user_tenant_associations, tenants, users;
