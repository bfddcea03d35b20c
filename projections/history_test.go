package projections_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// history makes up what may happen in one ledger, at random but in an order that
// commands would allow.
type history struct {
	t        *testing.T
	rand     *rand.Rand
	ledger   uuid.UUID
	list     []events.Recorded
	versions map[uuid.UUID]int64
	keys     events.Keys
	erased   []uuid.UUID // whose keys may be gone
}

func newHistory(t *testing.T, seed uint64, ledger uuid.UUID) *history {
	t.Helper()
	return &history{
		t: t, rand: rand.New(rand.NewPCG(seed, 0)), ledger: ledger,
		versions: make(map[uuid.UUID]int64), keys: make(events.Keys),
	}
}

// id draws an id that depends on the seed alone.
func (h *history) id() (id uuid.UUID) {
	for i := range id {
		id[i] = byte(h.rand.Uint32())
	}
	return id
}

func (h *history) add(stream uuid.UUID, event events.Event) {
	h.t.Helper()
	data, err := events.EncodeData(event)
	if err != nil {
		h.t.Fatal(err)
	}
	h.versions[stream]++
	seq := int64(len(h.list) + 1)
	r := events.Recorded{
		ID: h.id(), Ledger: h.ledger, Seq: seq,
		Stream:        events.Stream{Kind: events.KindOf(event.EventType()), ID: stream},
		StreamVersion: h.versions[stream], Type: event.EventType(), SchemaVersion: events.SchemaVersion(event.EventType()),
		CommandID: h.id(), At: time.Date(2024, 1, 1, 0, 0, int(seq), 0, time.UTC), Event: event, Data: data,
	}
	if h.rand.IntN(4) > 0 {
		r.Actor = h.id()
		r.Origin = &events.Sealed{Subject: r.Actor, Ciphertext: []byte("somewhere")}
		r.RequestID, r.TraceParent = "request", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	}
	h.list = append(h.list, r)
}

// person seals a profile; the keys of some persons are gone.
func (h *history) person(id uuid.UUID, email string) events.Sealed {
	h.t.Helper()
	key := events.Key(append(id[:], id[:]...))
	if id[0] >= 32 {
		h.keys[id] = key
	}
	sealed, err := events.Seal(key, id, events.Person{Email: email, FirstName: "First " + email, LastName: "Last"})
	if err != nil {
		h.t.Fatal(err)
	}
	return sealed
}

// platform makes up users, whose addresses change hands.
func (h *history) platform(n int) {
	holders := make(map[uuid.UUID]string)
	var users []uuid.UUID
	free := strings.Fields("a b c d e f g h i j k l")
	for len(h.list) < n {
		switch {
		case len(free) > 0 && h.rand.IntN(3) == 0:
			id, email := h.id(), free[0]
			free = free[1:]
			users, holders[id] = append(users, id), email
			h.add(id, events.UserRegistered{Person: h.person(id, email)})
		case len(users) == 0:
		case h.rand.IntN(8) == 0:
			i := h.rand.IntN(len(users))
			id := users[i]
			h.add(id, events.UserErased{})
			free = append(free, holders[id])
			users = append(users[:i], users[i+1:]...)
			h.erased = append(h.erased, id)
		case len(free) > 0 && h.rand.IntN(2) == 0:
			id := users[h.rand.IntN(len(users))]
			i := h.rand.IntN(len(free))
			before := holders[id]
			holders[id], free[i] = free[i], before
			h.add(id, events.UserProfileChanged{Person: h.person(id, holders[id]), Previous: h.person(id, before)})
		default:
			id := users[h.rand.IntN(len(users))]
			h.add(id, events.UserLoggedIn{SessionID: h.id(), Origin: h.person(id, "")})
			h.add(h.id(), events.EmailClaimed{UserID: id})
			h.add(id, events.UserLoginFailed{Origin: h.person(id, ""), Reason: events.LoginWrongPassword})
			h.add(h.id(), events.EmailLoginFailed{Reason: events.LoginUnknownAddress})
			h.add(id, events.UserTokenReused{SessionID: h.id(), Origin: h.person(id, "")})
			h.add(id, events.UserPasswordChanged{SessionID: h.id()})
			h.add(id, events.UserLoggedOutEverywhere{SessionID: h.id()})
			h.add(id, events.UserLoggedOut{SessionID: h.id()})
		}
	}
}

// tenant makes up members, documents and files of a tenant.
func (h *history) tenant(n int, users []uuid.UUID) {
	members := make(map[uuid.UUID]bool)
	var documents, files, gone []uuid.UUID
	h.add(h.ledger, events.TenantCreated{Name: "Engines", DatabaseName: events.DatabaseName(h.ledger)})
	for len(h.list) < n {
		user := users[h.rand.IntN(len(users))]
		switch h.rand.IntN(12) {
		case 0:
			h.add(h.ledger, events.TenantChanged{Name: fmt.Sprint("Engines ", len(h.list))})
		case 1:
			h.add(h.ledger, events.TenantProvisioned{})
		case 2, 3:
			switch {
			case !members[user]:
				h.add(h.ledger, events.MemberAdded{UserID: user, Role: events.RoleViewer})
				members[user] = true
			case h.rand.IntN(2) == 0:
				h.add(h.ledger, events.MemberRoleChanged{UserID: user, Role: events.RoleAdmin})
			default:
				h.add(h.ledger, events.MemberRemoved{UserID: user})
				members[user] = false
			}
		case 4, 5, 6:
			file, document := h.id(), h.id()
			switch {
			case len(files) > 0 && h.rand.IntN(2) == 0:
				file = files[h.rand.IntN(len(files))]
			case len(gone) > 0 && h.rand.IntN(2) == 0:
				file = gone[h.rand.IntN(len(gone))]
			}
			if !slices.Contains(files, file) || h.rand.IntN(4) == 0 {
				h.add(file, events.FileReceived{MD5: "md5", SHA256: "sha", Size: int64(len(h.list)), S3Path: strconv.Itoa(len(h.list))})
			}
			h.add(file, events.FileReferenced{DocumentID: document})
			h.add(document, events.DocumentUploaded{FileID: file, Filename: "draft", MimeType: "text/plain"})
			documents, files = append(documents, document), append(files, file)
		case 7, 8:
			switch {
			case len(documents) == 0:
			case h.rand.IntN(3) == 0:
				h.add(documents[h.rand.IntN(len(documents))], events.DocumentTypeChanged{MimeType: fmt.Sprint("text/", len(h.list))})
			default:
				h.add(documents[h.rand.IntN(len(documents))], events.DocumentRenamed{Filename: fmt.Sprint("name ", len(h.list))})
			}
		case 9:
			if len(documents) > 0 {
				i := h.rand.IntN(len(documents))
				h.add(documents[i], events.DocumentDeleted{Filename: "draft"})
				h.add(files[i], events.FileDereferenced{DocumentID: documents[i]})
				file := files[i]
				documents, files = append(documents[:i], documents[i+1:]...), append(files[:i], files[i+1:]...)
				if !slices.Contains(files, file) && h.rand.IntN(2) == 0 {
					h.add(file, events.FileDeleted{S3Path: "gone"})
					gone = append(gone, file)
				}
			}
		default:
			if len(files) > 0 {
				file := files[h.rand.IntN(len(files))]
				switch h.rand.IntN(4) {
				case 0:
					h.add(file, events.FileFailed{Reason: fmt.Sprint("lost ", len(h.list))})
				case 1:
					h.add(file, events.FileRetried{S3Path: fmt.Sprint("incoming ", len(h.list))})
				default:
					h.add(file, events.FileStored{S3Path: fmt.Sprint("final ", len(h.list))})
				}
			}
		}
	}
	if h.rand.IntN(2) == 0 {
		h.add(h.ledger, events.TenantDeleted{})
	}
}
