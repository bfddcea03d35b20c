// Command composecheck loads a compose file as docker compose config does, with
// the same parser, and checks what that parser lets pass: that images built
// here name a target of their Dockerfile, that what others wait to be healthy
// has a health check, and that services come back after a crash.
//
//	composecheck [-json] [-set NAME=VALUE]... docker-compose.yml [.env file]...
//
// It prints a line a service or, with -json, the resolved project. Variables come
// from -set and from the files alone, not from the environment.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "composecheck:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("composecheck", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "print the resolved project as JSON")
	var set []string
	flags.Func("set", "set a variable, as NAME=VALUE", func(pair string) error {
		set = append(set, pair)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() < 1 {
		return errors.New("name a compose file")
	}
	project, err := load(ctx, flags.Arg(0), flags.Args()[1:], set)
	if err != nil {
		return err
	}
	if err := check(project); err != nil {
		return err
	}
	if *asJSON {
		text, err := project.MarshalJSON()
		if err != nil {
			return fmt.Errorf("print project: %w", err)
		}
		_, err = fmt.Fprintf(out, "%s\n", text)
		return err
	}
	for _, name := range project.ServiceNames() {
		s := project.Services[name]
		if _, err := fmt.Fprintf(out, "%-12s %-28s %v\n", name, s.Image, []string(s.Command)); err != nil {
			return err
		}
	}
	return nil
}

// load reads the project with the given variables and those of the given files.
func load(ctx context.Context, file string, envFiles, set []string) (*types.Project, error) {
	options, err := cli.NewProjectOptions([]string{file},
		cli.WithEnv(set),
		cli.WithEnvFiles(envFiles...),
		cli.WithDotEnv,
		cli.WithResolvedPaths(true),
		cli.WithNormalization(true),
		cli.WithConsistency(true),
	)
	if err != nil {
		return nil, fmt.Errorf("options: %w", err)
	}
	project, err := options.LoadProject(ctx)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", file, err)
	}
	return project, nil
}
