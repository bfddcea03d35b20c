package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/s3"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/internal/apitest"
	"github.com/cartulary/cartulary/internal/s3test"
)

// fsck runs cartulary fsck, which must end with a status; it returns what it prints.
func (in *installation) fsck(t *testing.T, want int, args ...string) string {
	t.Helper()
	var stdout bytes.Buffer
	err := run(t.Context(), append([]string{"fsck"}, args...), in.getenv, &stdout)
	if status(err) != want {
		t.Errorf("fsck %v: got status %d, want %d: %v\n%s", args, status(err), want, err, &stdout)
	}
	return stdout.String()
}

func TestFsckFindsNothingWhileAllIsInUse(t *testing.T) {
	in := install(t)
	in.stop(t, "api")
	in.env["RATE_LIMIT_PER_HOUR"] = "0"
	in.start(t, "api")
	in.awaitReady(t)
	client := apitest.SignUp(t, in.base)
	tenant := client.CreateTenant(t)
	kept := client.MustUpload(t, tenant, "kept.txt", "text/plain", strings.NewReader("kept"))
	stopped := make(chan struct{})
	stop := sync.OnceFunc(func() { close(stopped) })
	var traffic sync.WaitGroup
	defer traffic.Wait()
	defer stop()
	for n := range 3 {
		traffic.Go(func() { use(t, stopped, client, tenant, n) })
	}
	for range 3 {
		in.fsck(t, 0, "--all")
		in.fsck(t, 0, "--tenant", tenant.String(), "--quick", "--repair")
	}
	stop()
	traffic.Wait()
	own := in.connect(t, tenant)
	in.settle(t)
	in.await(t, func() bool {
		var waiting int
		err := own.QueryRow(t.Context(), `select count(*) from files where status = 'processing'`).Scan(&waiting)
		return err == nil && waiting == 0
	})

	store := in.store(t)
	var object string
	if err := own.QueryRow(t.Context(), `select s3_path from files where id = $1`, kept.FileID).Scan(&object); err != nil {
		t.Fatal(err)
	}
	write := func(key, text string) {
		t.Helper()
		if err := store.Replace(t.Context(), key, "text/plain", []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	write(object, "KEPT")
	write(command.StagingPath(tenant, kept.ID), "what it could be restored from")
	orphan := command.StagingPath(tenant, uuid.New())
	write(orphan, "x")
	var report struct {
		Findings []struct{ Kind, Key, Remedy, Repaired string }
		Summary  struct {
			Findings, Repaired, Young int
		}
	}
	said := in.fsck(t, 3, "--all", "--json")
	if err := json.Unmarshal([]byte(said), &report); err != nil {
		t.Fatalf("%v in %s", err, said)
	}
	if len(report.Findings) != 1 || report.Summary.Findings != 1 || report.Findings[0].Kind != "altered" || report.Findings[0].Key != object || report.Summary.Young == 0 {
		t.Errorf("one object is altered, and one too young to tell: %s", said)
	}
	// Nothing is written any more, so that no object is too young.
	said = in.fsck(t, 3, "--tenant", tenant.String(), "--grace", "0s", "--repair")
	for _, line := range []string{
		"altered tenant " + tenant.String() + " file " + kept.FileID.String() + " " + object + ": holds bytes of SHA-256 ",
		"; put the object back from a backup, or remove it and upload its bytes again\n",
		" " + orphan + ": received, but not recorded, since ", "; repaired: removed\n",
	} {
		if !strings.Contains(said, line) {
			t.Errorf("%q is missing in:\n%s", line, said)
		}
	}
	write(object, "kept")
	in.fsck(t, 0, "--all", "--grace", "0s")
	in.fsck(t, 1, "--tenant", uuid.NewString())
	in.env["S3_SECRET_KEY"] = "wrong"
	in.fsck(t, 1, "--all")
}

func (in *installation) store(t *testing.T) *s3.Store {
	t.Helper()
	store, err := s3.New(t.Context(), s3.Config{
		Endpoint: in.env["S3_ENDPOINT"], AccessKey: s3test.AccessKey, SecretKey: s3test.SecretKey,
		Bucket: s3test.Bucket, Region: s3test.Region, PathStyle: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// use uploads, renames and deletes documents until it is stopped, or has done so often
// enough: files that have lived hundreds of times take long to look at.
func use(t *testing.T, stopped <-chan struct{}, client *apitest.Client, tenant uuid.UUID, n int) {
	t.Helper()
	for i := range 200 {
		select {
		case <-stopped:
			return
		case <-time.After(50 * time.Millisecond):
		}
		// Bytes that come again, from several at once, after they were deleted.
		answer, err := client.Upload(t.Context(), tenant, fmt.Sprintf("%d-%d.txt", n, i), "text/plain", strings.NewReader(fmt.Sprint("text ", i%4)))
		if err != nil || answer.Status != http.StatusCreated && answer.Status != http.StatusAccepted {
			t.Errorf("upload: %d %s, %v", answer.Status, answer.Text, err)
			return
		}
		var d apitest.Document
		answer.Into(t, &d)
		path := apitest.Documents(tenant) + "/" + d.ID.String()
		if _, err := client.Do(t.Context(), http.MethodPut, path, map[string]string{"filename": fmt.Sprint("renamed ", i)}); err != nil {
			t.Error(err)
		}
		if i%3 == 0 {
			continue
		}
		if _, err := client.Do(t.Context(), http.MethodDelete, path, nil); err != nil {
			t.Error(err)
		}
		if _, err := client.Do(t.Context(), http.MethodDelete, "/api/tenants/"+tenant.String()+"/files/"+d.FileID.String(), nil); err != nil {
			t.Error(err)
		}
	}
}

func TestFsckRefusesWhatItDoesNotUnderstand(t *testing.T) {
	in := &installation{env: map[string]string{}}
	for _, args := range [][]string{
		{}, {"--all", "--tenant", uuid.NewString()}, {"--tenant", "x"}, {"--all", "more"}, {"--all", "--grace", "-1s"}, {"--what"},
	} {
		in.fsck(t, 1, args...)
	}
	if said := in.fsck(t, 0, "--help"); !strings.Contains(said, "Usage: cartulary fsck (--tenant ID | --all)") {
		t.Errorf("got %s", said)
	}
}
