package projections

import (
	"errors"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// erasedName stands for a first or last name that can't be read any more.
const erasedName = "erased"

// Persons returns whom events speak of, each once.
func Persons(list []events.Recorded) []uuid.UUID {
	var persons []uuid.UUID
	seen := make(map[uuid.UUID]struct{})
	for i := range list {
		event, ok := list[i].Event.(events.UserEvent)
		if !ok {
			continue
		}
		for _, person := range subjects(event) {
			if _, ok := seen[person]; !ok {
				seen[person] = struct{}{}
				persons = append(persons, person)
			}
		}
	}
	return persons
}

func subjects(event events.UserEvent) []uuid.UUID {
	switch e := event.(type) {
	case events.UserRegistered:
		return []uuid.UUID{e.Person.Subject}
	case events.UserProfileChanged:
		return []uuid.UUID{e.Person.Subject, e.Previous.Subject}
	case events.UserLoggedIn:
		return []uuid.UUID{e.Origin.Subject}
	case events.UserLoginFailed:
		return []uuid.UUID{e.Origin.Subject}
	case events.UserTokenReused:
		return []uuid.UUID{e.Origin.Subject}
	case events.UserLoggedOut, events.UserLoggedOutEverywhere, events.UserPasswordChanged,
		events.UserErased:
		return nil
	}
	return nil
}

// open decrypts a person's profile, or returns what stands for that of an erased
// person.
func open(keys events.Keys, s events.Sealed) (p events.Person, erased bool, err error) {
	err = keys.Open(s, &p)
	if errors.Is(err, events.ErrErased) {
		return ErasedPerson(s.Subject), true, nil
	}
	return p, false, err
}

// ErasedPerson is what stands for an erased person: with an address that nobody
// else has and no mail can reach (RFC 2606).
func ErasedPerson(id uuid.UUID) events.Person {
	return events.Person{FirstName: erasedName, LastName: erasedName, Email: "erased-" + id.String() + "@invalid"}
}
