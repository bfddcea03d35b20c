package postgres

// A statement of the writers' transaction, prepared once a connection. Sets of
// rows travel as parallel arrays.
type statement int

const (
	stmtBegin statement = iota
	stmtRollback
	stmtCommit
	stmtCreateHeads
	stmtLockHeads
	stmtCommands
	stmtVersions
	stmtInsertEvents
	stmtUpdateHeads
	stmtInsertCommands
	stmtInsertOutbox
	stmtEventThere
	stmtCommandThere
	stmtAppend
	stmtAppendKeyed
	stmtFence
	stmtEventsThere
	statementCount
)

// statements holds the SQL of each statement.
var statements = [statementCount]string{
	stmtBegin:    `begin isolation level read committed`,
	stmtRollback: `rollback`,
	stmtCommit:   `commit`,

	stmtCreateHeads: `
insert into ledger.heads (ledger_id, seq, at, range)
select id, 0, timestamptz 'epoch', '' from unnest($1::uuid[]) as new (id) order by id
on conflict do nothing`,

	stmtLockHeads: `
select ledger_id, seq, at, range from ledger.heads
where ledger_id = any($1::uuid[]) order by ledger_id for update`,

	stmtCommands: `
select wanted.n, known.fingerprint, known.last_seq, known.at, known.outcome
from unnest($1::uuid[], $2::uuid[]) with ordinality as wanted (ledger_id, command_id, n)
cross join lateral (
    select fingerprint, last_seq, at, outcome from ledger.commands
    where ledger_id = wanted.ledger_id and command_id = wanted.command_id limit 1) as known`,

	stmtVersions: `
select wanted.n, latest.stream_version
from unnest($1::uuid[], $2::uuid[]) with ordinality as wanted (ledger_id, stream_id, n)
cross join lateral (
    select stream_version from ledger.events
    where ledger_id = wanted.ledger_id and stream_id = wanted.stream_id
    order by stream_version desc limit 1) as latest`,

	stmtInsertEvents: `
insert into ledger.events
    (ledger_id, seq, stream_id, stream_version, event_id, type, at, traceparent, body)
select * from unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::bigint[], $5::uuid[],
    $6::text[], $7::timestamptz[], $8::text[], $9::bytea[])`,

	stmtUpdateHeads: `
update ledger.heads as head set seq = new.seq, at = new.at, range = new.range
from unnest($1::uuid[], $2::bigint[], $3::timestamptz[], $4::bytea[]) as new (ledger_id, seq, at, range)
where head.ledger_id = new.ledger_id`,

	stmtInsertCommands: `
insert into ledger.commands (ledger_id, command_id, fingerprint, last_seq, at, outcome)
select * from unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::bigint[], $5::timestamptz[], $6::bytea[])`,

	stmtInsertOutbox: `
insert into ledger.outbox (ledger_id, first_seq, last_seq)
select * from unnest($1::uuid[], $2::bigint[], $3::bigint[])`,

	stmtEventThere:   `select from ledger.events where ledger_id = $1 and seq = $2 and event_id = $3`,
	stmtCommandThere: `select from ledger.commands where ledger_id = $1 and command_id = $2 and at = $3`,

	stmtAppend:      appendWhereUnmoved + ` select ledger_id from moved`,
	stmtAppendKeyed: appendWhereUnmoved + appendCommands + ` select ledger_id from moved`,

	stmtFence: `update ledger.heads set at = at + interval '1 microsecond' where ledger_id = any($1::uuid[])`,

	stmtEventsThere: `
select wanted.ledger_id
from unnest($1::uuid[], $2::bigint[], $3::uuid[]) as wanted (ledger_id, before, event_id)
cross join lateral (
    select from ledger.events
    where ledger_id = wanted.ledger_id and seq = wanted.before + 1 and event_id = wanted.event_id
    offset 0) as there`,
}

// appendWhereUnmoved appends to the ledgers whose heads are where they are said to
// be, and whose streams are at the versions they are said to be at: to the others
// nothing. An outbox row's id is drawn when its head is locked.
const appendWhereUnmoved = `
with moved as (
    update ledger.heads as head set seq = new.seq, at = new.at, range = new.range
    from unnest($1::uuid[], $2::bigint[], $3::timestamptz[], $4::bigint[], $5::timestamptz[], $6::bytea[])
        as new (ledger_id, before, at_before, seq, at, range)
    where head.ledger_id = new.ledger_id and head.seq = new.before and head.at = new.at_before
        and new.ledger_id <> all (array(
            select ledger_id from unnest($7::uuid[], $8::uuid[], $9::bigint[]) as assumed (ledger_id, stream_id, version)
            where assumed.version <> coalesce((
                select stream_version from ledger.events
                where ledger_id = assumed.ledger_id and stream_id = assumed.stream_id
                order by stream_version desc limit 1), 0)))
    returning head.ledger_id, new.before, head.seq
), added as (
    insert into ledger.events
        (ledger_id, seq, stream_id, stream_version, event_id, type, at, traceparent, body)
    select * from unnest($10::uuid[], $11::bigint[], $12::uuid[], $13::bigint[], $14::uuid[],
        $15::text[], $16::timestamptz[], $17::text[], $18::bytea[]) as event (ledger_id)
    where (ledger_id in (select ledger_id from moved)) is true -- hashed, never joined
), noted as (
    insert into ledger.outbox (ledger_id, first_seq, last_seq)
    select ledger_id, before + 1, seq from moved
)`

// appendCommands is appendWhereUnmoved's part for keyed commands.
const appendCommands = `, remembered as (
    insert into ledger.commands (ledger_id, command_id, fingerprint, last_seq, at, outcome)
    select * from unnest($19::uuid[], $20::uuid[], $21::bytea[], $22::bigint[], $23::timestamptz[], $24::bytea[])
        as command (ledger_id)
    where (ledger_id in (select ledger_id from moved)) is true
)`
