-- +goose Up
-- What lists of documents are filtered and ordered by, and since when nothing may
-- stand on a file. What is there lacks it; the projector writes it anew from the
-- ledger.
truncate documents, files;
delete from checkpoints where projection in ('documents', 'files');

-- A batch of events may remove a file, and after it the last document on it.
alter table documents
    add column filename_key text collate "C" not null, -- of filename: case folded, NFC
    drop constraint documents_file_id_fkey,
    add constraint documents_file_id_fkey foreign key (file_id) references files (id) deferrable initially deferred;
create index on documents (filename_key, id);
create index on documents (user_id, created_at, id);

alter table files
    add column dereferenced_at timestamptz; -- when a document last left it
create index on files (dereferenced_at) where dereferenced_at is not null;
create index on files (file_size);

-- +goose Down
drop index files_file_size_idx, files_dereferenced_at_idx;
alter table files drop column dereferenced_at;
drop index documents_user_id_created_at_id_idx, documents_filename_key_id_idx;
alter table documents
    drop column filename_key,
    drop constraint documents_file_id_fkey,
    add constraint documents_file_id_fkey foreign key (file_id) references files (id);
