// Command rehearse rehearses a deployment where there is no container engine: it
// takes the images' exact commands from docker-compose.yml and deploy/Dockerfile and
// runs them as plain processes, with the services' environment and nothing else in
// it, as the user of the images. It builds the program with the Dockerfile's own
// line, makes the database with the script that the postgres image runs, and then
// has a user come, upload and download, and stops all roles as an engine would.
//
// It can't show what only an engine does: that images can be pulled and built, and
// that the file system and the capabilities are as restricted as the file says.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/cartulary/cartulary/chaos/stack"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "rehearse:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "cartulary-rehearse-")
	if err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // roles run as another user
		return err
	}
	defer func() {
		if err == nil {
			err = os.RemoveAll(dir)
		} else {
			err = fmt.Errorf("%w (logs are in %s)", err, filepath.Join(dir, "logs"))
		}
	}()
	p, err := readPlan(ctx, root)
	if err != nil {
		return err
	}
	if err := p.build(ctx, root, dir); err != nil {
		return err
	}
	servers, err := stack.StartServers(ctx, root, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, servers.Close(context.WithoutCancel(ctx))) }()
	r := &rehearsal{plan: p, servers: servers, root: root, dir: dir, out: out}
	return r.run(ctx)
}
