// Package erasure makes the platform forget a person.
//
// The trail can't forget: it is only ever added to. But all that it says of a person
// is encrypted under a key of that person, and forgetting is destroying the key.
//
// A person is erased in this order, of which each step can be done again:
//
//  1. Nobody is erased who is the only admin of a tenant ([*SoleAdminError]).
//  2. The person leaves all tenants, those first that can refuse: somebody else may
//     have left them meanwhile. If one does, the person returns to those that were
//     left, with the role that was given up there.
//  3. The account is closed and its address released, in one append to the ledger
//     of the platform.
//  4. Password, sessions and the key are destroyed, in one transaction of the
//     database, and every process is told to forget the key.
//  5. What copies of read models show of the person is overwritten: those that somebody
//     builds just then, or left behind.
//
// After the third step the person is erased for good. If a process dies before the
// rest is done, [Eraser.Run] finishes it, in whichever process it runs. Who builds a copy
// may have opened the key before it was destroyed, and write the person's row later: so
// Run looks for such rows, too, until the copy is gone. Read
// models follow the third step; also if they are rebuilt when the key is gone, the
// rows are the same.
package erasure
