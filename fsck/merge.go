package fsck

import (
	"bytes"
	"iter"

	"github.com/google/uuid"
)

// entry is something with an id.
type entry[T any] struct {
	id    uuid.UUID
	value T
}

// paged yields all entries of pages in the order of ids, until one fails. next returns
// the page after an id; the last one is empty.
func paged[T any](next func(after uuid.UUID) ([]entry[T], error)) iter.Seq2[entry[T], error] {
	return func(yield func(entry[T], error) bool) {
		for after := uuid.Nil; ; {
			list, err := next(after)
			if err != nil {
				yield(entry[T]{}, err)
				return
			}
			for _, e := range list {
				if !yield(e, nil) {
					return
				}
			}
			if len(list) == 0 {
				return
			}
			after = list[len(list)-1].id
		}
	}
}

// pair is what two sides have under one id; nil where one has nothing.
type pair[L, R any] struct {
	id    uuid.UUID
	left  *L
	right *R
}

// merged yields what two sides, each in the order of ids, have: an id once.
func merged[L, R any](left iter.Seq2[entry[L], error], right iter.Seq2[entry[R], error]) iter.Seq2[pair[L, R], error] {
	return func(yield func(pair[L, R], error) bool) {
		nextLeft, stopLeft := iter.Pull2(left)
		defer stopLeft()
		nextRight, stopRight := iter.Pull2(right)
		defer stopRight()
		l, errLeft, moreLeft := nextLeft()
		r, errRight, moreRight := nextRight()
		for moreLeft || moreRight {
			for _, err := range []error{errLeft, errRight} {
				if err != nil {
					yield(pair[L, R]{}, err)
					return
				}
			}
			order := bytes.Compare(l.id[:], r.id[:])
			hasLeft := moreLeft && (!moreRight || order <= 0)
			hasRight := moreRight && (!moreLeft || order >= 0)
			var p pair[L, R]
			if hasLeft {
				p.id, p.left = l.id, new(l.value)
			}
			if hasRight {
				p.id, p.right = r.id, new(r.value)
			}
			if !yield(p, nil) {
				return
			}
			if hasLeft {
				l, errLeft, moreLeft = nextLeft()
			}
			if hasRight {
				r, errRight, moreRight = nextRight()
			}
		}
	}
}
