package events_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/gowebpki/jcs"

	"github.com/cartulary/cartulary/events"
)

var update = flag.Bool("update", false, "write the golden files of events that have none yet")

func id(n byte) uuid.UUID { return uuid.UUID{6: 0x70, 8: 0x80, 15: n} }

var (
	person   = events.Sealed{Subject: id(1), Ciphertext: []byte("ciphertext of a person")}
	previous = events.Sealed{Subject: id(1), Ciphertext: []byte("ciphertext of a person before")}
	origin   = events.Sealed{Subject: id(1), Ciphertext: []byte("ciphertext of an origin")}
)

// samples holds one event of every type.
var samples = []events.Event{
	events.UserRegistered{Person: person},
	events.UserProfileChanged{Person: person, Previous: previous},
	events.UserLoggedIn{SessionID: id(2), Origin: origin},
	events.UserLoggedOut{SessionID: id(2)},
	events.UserErased{},
	events.EmailClaimed{UserID: id(1)},
	events.EmailReleased{UserID: id(1)},
	events.TenantCreated{Name: "Société Générale <&> \u2028", DatabaseName: events.DatabaseName(id(3))},
	events.TenantProvisioned{},
	events.TenantChanged{Name: "after", Previous: "before"},
	events.TenantDeleted{},
	events.TenantPurged{},
	events.MemberAdded{UserID: id(1), Role: events.RoleAdmin},
	events.MemberRoleChanged{UserID: id(1), Role: events.RoleUser, Previous: events.RoleAdmin},
	events.MemberRemoved{UserID: id(1), Role: events.RoleViewer},
	events.DocumentUploaded{FileID: id(4), Filename: `Été – رسالة "final".pdf`, MimeType: "application/pdf"},
	events.DocumentRenamed{Filename: "b.pdf", Previous: "a.pdf"},
	events.DocumentTypeChanged{MimeType: "text/markdown", Previous: "text/plain"},
	events.DocumentDeleted{FileID: id(4), Filename: "b.pdf"},
	events.FileReceived{
		MD5:    "d41d8cd98f00b204e9800998ecf8427e",
		SHA256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		Size:   104857600, S3Path: "tenants/t/incoming/d",
	},
	events.FileReferenced{DocumentID: id(5)},
	events.FileDereferenced{DocumentID: id(5)},
	events.FileStored{S3Path: "tenants/t/files/2026/01/f_m", Previous: "tenants/t/incoming/d"},
	events.FileFailed{Reason: "the stored bytes are not the received ones"},
	events.FileRetried{S3Path: "tenants/t/incoming/d"},
	events.FileDeleted{S3Path: "tenants/t/files/2026/01/f_m"},
	events.AccessRefused{
		Count: 3, Method: "DELETE", Reason: events.RefusalRole, Route: "/api/tenants/{tenant_id}/documents/{document_id}", Status: 403,
	},
	events.TrailExported{Filter: "from=2024-01-01T00%3A00%3A00Z&type=document.deleted", Format: "csv"},
	events.DownloadGranted{DocumentID: id(5), FileID: id(4)},
	events.DocumentHoldPlaced{DocumentID: id(5), Reason: "Case 12/345", Previous: "Case 12/344"},
	events.DocumentHoldReleased{DocumentID: id(5), Previous: "Case 12/345"},
	events.TenantHoldPlaced{Reason: "Case 12/345", Previous: ""},
	events.TenantHoldReleased{Previous: "Case 12/345"},
	events.OperationPerformed{Action: "migrate", Detail: "schema 3 to 4"},
	events.UserLoginFailed{Origin: origin, Reason: events.LoginWrongPassword, Throttled: 3},
	events.UserLoggedOutEverywhere{SessionID: id(2)},
	events.UserPasswordChanged{SessionID: id(2)},
	events.UserTokenReused{Origin: origin, SessionID: id(2)},
	events.EmailLoginFailed{Reason: events.LoginUnknownAddress, Throttled: 3},
}

func record(t *testing.T, e events.Event) events.Recorded {
	t.Helper()
	data, err := events.EncodeData(e)
	if err != nil {
		t.Fatal(err)
	}
	r := events.Recorded{
		ID: id(9), Ledger: id(3), Seq: 7, Stream: events.Stream{Kind: events.KindOf(e.EventType()), ID: id(8)},
		StreamVersion: 2, Type: e.EventType(), SchemaVersion: events.SchemaVersion(e.EventType()), Actor: id(1),
		CommandID: id(6), RequestID: "request-1", TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		At: time.Date(2024, 1, 1, 0, 0, 0, 120_000_000, time.UTC), Event: e, Data: data,
	}
	r.Body = events.Encode(r)
	return r
}

func TestEveryEventHasASample(t *testing.T) {
	t.Parallel()
	sampled := map[events.Type]bool{}
	for _, e := range samples {
		if sampled[e.EventType()] {
			t.Errorf("%s has two samples", e.EventType())
		}
		sampled[e.EventType()] = true
	}
	for _, name := range events.Types() {
		if !sampled[name] {
			t.Errorf("%s has no sample", name)
		}
	}
}

// A golden file is what has been published: once there, it never changes.
func TestEventsKeepTheirPublishedBytes(t *testing.T) {
	t.Parallel()
	for _, e := range samples {
		t.Run(string(e.EventType()), func(t *testing.T) {
			t.Parallel()
			r := record(t, e)
			path := filepath.Join("testdata", "golden", fmt.Sprintf("%s.v%d.json", r.Type, r.SchemaVersion))
			want, err := os.ReadFile(path)
			if os.IsNotExist(err) && *update {
				want = r.Body
				err = os.WriteFile(path, want, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(r.Body)); diff != "" {
				t.Errorf("bytes (-published +now):\n%s", diff)
			}
			decoded, err := events.Decode(want)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(r, decoded); diff != "" {
				t.Errorf("decoded (-want +got):\n%s", diff)
			}
		})
	}
}

// The canonical form is checked against an implementation of RFC 8785 that
// shares no code with ours.
func TestBytesAreCanonical(t *testing.T) {
	t.Parallel()
	for _, e := range samples {
		body := record(t, e).Body
		want, err := jcs.Transform(body)
		if err != nil {
			t.Fatalf("%s: %v", e.EventType(), err)
		}
		if !bytes.Equal(body, want) {
			t.Errorf("%s is not canonical:\n got %s\nwant %s", e.EventType(), body, want)
		}
	}
}

func TestPlatformEventsHaveNoUser(t *testing.T) {
	t.Parallel()
	r := record(t, events.TenantProvisioned{})
	r.Actor = uuid.Nil
	r.Body = events.Encode(r)
	if !strings.HasSuffix(string(r.Body), `"user_id":null}`) {
		t.Errorf("got %s", r.Body)
	}
	decoded, err := events.Decode(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, decoded); diff != "" {
		t.Errorf("decoded (-want +got):\n%s", diff)
	}
}

// Events from before origins were recorded have none, and keep their bytes; those
// since carry one between their type and their request.
func TestAnOriginStandsInTheEnvelope(t *testing.T) {
	t.Parallel()
	r := record(t, events.DocumentRenamed{Filename: "b.pdf", Previous: "a.pdf"})
	r.Origin = &origin
	r.Body = events.Encode(r)
	path := filepath.Join("testdata", "golden", "envelope.origin.v1.json")
	want, err := os.ReadFile(path)
	if os.IsNotExist(err) && *update {
		want = r.Body
		err = os.WriteFile(path, want, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(r.Body)); diff != "" {
		t.Errorf("bytes (-published +now):\n%s", diff)
	}
	canonical, err := jcs.Transform(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(r.Body, canonical) {
		t.Errorf("not canonical:\n got %s\nwant %s", r.Body, canonical)
	}
	decoded, err := events.Decode(want)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, decoded); diff != "" {
		t.Errorf("decoded (-want +got):\n%s", diff)
	}
}
