-- +goose Up
-- The trail is what auditors read: it tells all that an event's envelope does.
-- What is there lacks it; the projector writes it anew from the ledger.
truncate trail;
alter table trail
    add column traceparent text not null,
    add column origin      jsonb; -- sealed under the key of user_id
delete from checkpoints where projection = 'trail';

create index on trail (at);
create index on trail (user_id, seq);
create index on trail (event_type, seq);
create index on trail ((data ->> 'document_id'), seq) where stream_kind = 'access';

-- +goose Down
drop index trail_expr_seq_idx, trail_event_type_seq_idx, trail_user_id_seq_idx, trail_at_idx;
alter table trail drop column traceparent, drop column origin;
