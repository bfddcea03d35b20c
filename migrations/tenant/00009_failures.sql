-- +goose Up
-- Why a file failed. What is there lacks it; the projector writes it anew from the
-- ledger.
truncate documents, files;
delete from checkpoints where projection in ('documents', 'files');
alter table files
    add column failure text; -- null unless status is failed

-- +goose Down
alter table files drop column failure;
