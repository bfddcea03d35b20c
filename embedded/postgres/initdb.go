package postgres

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// initialise makes the cluster unless it is there, and returns the superuser's
// password. A cluster appears under its name only once it is complete.
func initialise(ctx context.Context, bin binaries, h home, id identity, durable bool) (string, error) {
	if _, err := os.Stat(h.data()); err == nil {
		text, err := os.ReadFile(h.password())
		if err != nil {
			return "", fmt.Errorf("read the superuser's password: %w", err)
		}
		return strings.TrimSpace(string(text)), nil
	}
	password, err := drawPassword(h, id)
	if err != nil {
		return "", fmt.Errorf("draw the superuser's password: %w", err)
	}
	scratch := h.data() + ".new"
	if err := os.RemoveAll(scratch); err != nil {
		return "", err
	}
	if err := os.Mkdir(scratch, 0o700); err != nil {
		return "", err
	}
	if err := id.own(scratch); err != nil {
		return "", err
	}
	if err := initdb(ctx, bin, h, id, scratch, durable); err != nil {
		return "", err
	}
	if err := os.Rename(scratch, h.data()); err != nil {
		return "", err
	}
	return password, syncDir(h.dir)
}

func drawPassword(h home, id identity) (string, error) {
	var secret [24]byte
	_, _ = rand.Read(secret[:]) // never fails
	password := hex.EncodeToString(secret[:])
	if err := writeFileSync(h.password(), []byte(password+"\n")); err != nil {
		return "", err
	}
	return password, id.own(h.password())
}

func initdb(ctx context.Context, bin binaries, h home, id identity, dir string, durable bool) error {
	args := []string{
		"--pgdata=" + dir, "--encoding=UTF8", "--locale=C", "--username=" + superuser,
		"--auth=scram-sha-256", "--pwfile=" + h.password(),
	}
	if durable {
		args = append(args, "--data-checksums")
	} else {
		args = append(args, "--no-sync")
	}
	cmd := exec.CommandContext(ctx, bin.path("initdb"), args...) //nolint:gosec // an installed program, our own arguments
	prepare(cmd, dir, id)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = 5 * time.Second // for what initdb itself started, should it be killed
	wait, err := launch(cmd)
	if err != nil {
		return fmt.Errorf("initialise the cluster: %w", err)
	}
	<-wait.done
	if wait.err != nil {
		return fmt.Errorf("initialise the cluster: %w: %s", errors.Join(ctx.Err(), wait.err), lastLines(out.Bytes()))
	}
	return nil
}

// prepare gives cmd an environment of its own (no PG* variables), PostgreSQL's
// identity and a process group that a terminal's interrupt does not reach.
func prepare(cmd *exec.Cmd, dir string, id identity) {
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Dir(dir), "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = processAttributes(id.credential)
}
