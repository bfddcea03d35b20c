package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/cartulary/cartulary/proof"
)

// Secrets of the rehearsal, in place of those that .env.example asks to change. They
// are as good as production wants them, and open nothing but what is gone in a minute.
const (
	databasePassword = "kZ3vTq8Wm5xRb7Yc2nHd"                     //nolint:gosec // opens nothing
	ownerPassword    = "pQ7wMx4Nc9vKt2Zs6bRg"                     //nolint:gosec // opens nothing
	jwtSecret        = "Vw4tK9sLq2fXj7BhZr6nMy3pGc8dTe5uAa1oIi0R" //nolint:gosec // opens nothing
)

// service is what docker-compose.yml says of a service, resolved.
type service struct {
	Environment map[string]string `json:"environment"`
	Command     []string          `json:"command"`
	Entrypoint  []string          `json:"entrypoint"`
	Build       *struct {
		Target string `json:"target"`
	} `json:"build"`
	HealthCheck struct {
		Test []string `json:"test"`
	} `json:"healthcheck"`
}

// image is what the Dockerfile says of a target.
type image struct {
	Entrypoint, Command []string
	Environment         map[string]string
	User                string
}

// plan is what is to be run.
type plan struct {
	services map[string]service
	images   map[string]image
	buildRun []string // the RUN lines of the target build
	program  string   // as built
}

// readPlan reads the compose file, through the checker that resolves it, and the
// Dockerfile.
func readPlan(ctx context.Context, root string) (*plan, error) {
	signingKey, err := proof.DrawKey()
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, filepath.Join(root, "bin", "composecheck"), "-json", //nolint:gosec // ours
		"-set", "JWT_SECRET_KEY="+jwtSecret, "-set", "AUDIT_SIGNING_KEY="+signingKey,
		"-set", "DATABASE_PASSWORD="+databasePassword, "-set", "DATABASE_OWNER_PASSWORD="+ownerPassword, "-set", "APP_ENV=production",
		"docker-compose.yml", ".env.example")
	command.Dir, command.Stderr = root, os.Stderr
	text, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("read docker-compose.yml: %w", err)
	}
	var project struct {
		Services map[string]service `json:"services"`
	}
	if err := json.Unmarshal(text, &project); err != nil {
		return nil, fmt.Errorf("read docker-compose.yml: %w", err)
	}
	dockerfile, err := os.ReadFile(filepath.Join(root, "deploy", "Dockerfile"))
	if err != nil {
		return nil, err
	}
	p := &plan{services: project.Services}
	p.images, p.buildRun, err = parseDockerfile(dockerfile)
	return p, err
}

// parseDockerfile reads what it needs of the Dockerfile: of each target, what it and
// its bases set.
func parseDockerfile(text []byte) (images map[string]image, buildRun []string, err error) {
	images = map[string]image{}
	var target string
	lines := bufio.NewScanner(bytes.NewReader(bytes.ReplaceAll(text, []byte("\\\n"), nil)))
	for lines.Scan() {
		instruction, rest, _ := strings.Cut(strings.TrimSpace(lines.Text()), " ")
		current := images[target]
		switch instruction {
		case "FROM":
			from := strings.Fields(rest)
			if len(from) != 3 {
				return nil, nil, fmt.Errorf("deploy/Dockerfile: every target needs a name: %s", lines.Text())
			}
			target, current = from[2], images[from[0]]
			current.Environment = maps.Clone(current.Environment)
		case "ENTRYPOINT":
			current.Command = nil
			err = json.Unmarshal([]byte(rest), &current.Entrypoint)
		case "CMD":
			err = json.Unmarshal([]byte(rest), &current.Command)
		case "USER":
			current.User = rest
		case "ENV":
			if current.Environment == nil {
				current.Environment = map[string]string{}
			}
			for pair := range strings.FieldsSeq(rest) {
				name, value, _ := strings.Cut(pair, "=")
				current.Environment[name] = value
			}
		case "RUN":
			if target == "build" {
				buildRun = append(buildRun, withoutMounts(rest))
			}
		}
		if err != nil {
			return nil, nil, fmt.Errorf("deploy/Dockerfile: %s: %w", lines.Text(), err)
		}
		if target != "" {
			images[target] = current
		}
	}
	return images, buildRun, lines.Err()
}

// withoutMounts drops a RUN instruction's own options.
func withoutMounts(run string) string {
	words := strings.Fields(run)
	for len(words) > 0 && strings.HasPrefix(words[0], "--") {
		words = words[1:]
	}
	return strings.Join(words, " ")
}

// build runs the Dockerfile's last RUN line of the target build, with another place
// for the result.
func (p *plan) build(ctx context.Context, root, dir string) error {
	if len(p.buildRun) == 0 {
		return errors.New("deploy/Dockerfile: the target build runs nothing")
	}
	line := strings.ReplaceAll(p.buildRun[len(p.buildRun)-1], "/out/", dir+"/")
	command := exec.CommandContext(ctx, "sh", "-c", line) //nolint:gosec // the Dockerfile's own line
	command.Dir, command.Stdout, command.Stderr = root, os.Stdout, os.Stderr
	if err := command.Run(); err != nil {
		return fmt.Errorf("%s: %w", line, err)
	}
	p.program = filepath.Join(dir, "cartulary")
	return nil
}

// command returns the command of a service, with the program as it was built in
// place of the image's.
func (p *plan) command(name string) ([]string, error) {
	s := p.services[name]
	if s.Build == nil {
		return nil, fmt.Errorf("docker-compose.yml: %s is not built here", name)
	}
	made, ok := p.images[s.Build.Target]
	if !ok {
		return nil, fmt.Errorf("deploy/Dockerfile: there is no target %s", s.Build.Target)
	}
	entrypoint, arguments := made.Entrypoint, made.Command
	if s.Entrypoint != nil {
		entrypoint = s.Entrypoint
	}
	if s.Command != nil {
		arguments = s.Command
	}
	return p.local(append(append([]string(nil), entrypoint...), arguments...)), nil
}

// health returns a service's health check, nil if it has none.
func (p *plan) health(name string) []string {
	test := p.services[name].HealthCheck.Test
	if len(test) < 2 || test[0] != "CMD" {
		return nil
	}
	return p.local(append([]string(nil), test[1:]...))
}

func (p *plan) local(command []string) []string {
	if len(command) > 0 && command[0] == "/cartulary" {
		command[0] = p.program
	}
	return command
}

// environment returns a service's whole environment, with addresses replaced.
func (p *plan) environment(name string, replace *strings.Replacer) []string {
	s := p.services[name]
	all := map[string]string{}
	maps.Copy(all, p.images[s.Build.Target].Environment)
	maps.Copy(all, s.Environment)
	var pairs []string
	for name, value := range all {
		pairs = append(pairs, name+"="+replace.Replace(value))
	}
	return pairs
}
