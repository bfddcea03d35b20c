package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
)

var targetLine = regexp.MustCompile(`(?mi)^FROM\s+\S+\s+AS\s+(\S+)\s*$`)

// check returns everything that is wrong with the project, joined.
func check(project *types.Project) error {
	var problems []error
	waited := map[string]bool{}
	for _, name := range project.ServiceNames() {
		s := project.Services[name]
		for dependency, d := range s.DependsOn {
			target := project.Services[dependency]
			switch d.Condition {
			case types.ServiceConditionHealthy:
				if target.HealthCheck == nil || len(target.HealthCheck.Test) == 0 {
					problems = append(problems, fmt.Errorf("%s waits for %s to be healthy, which has no health check", name, dependency))
				}
			case types.ServiceConditionCompletedSuccessfully:
				waited[dependency] = true
			default:
				problems = append(problems, fmt.Errorf("%s depends on %s without waiting for it", name, dependency))
			}
		}
		problems = append(problems, checkImage(s), checkMounts(s))
	}
	for _, name := range project.ServiceNames() {
		restart := project.Services[name].Restart
		if !waited[name] && restart != types.RestartPolicyUnlessStopped && restart != types.RestartPolicyAlways {
			problems = append(problems, fmt.Errorf("%s does not come back after a crash: restart is %q", name, restart))
		}
	}
	return errors.Join(problems...)
}

// checkImage reads the Dockerfile of a service that is built here.
func checkImage(s types.ServiceConfig) error {
	if s.Build == nil {
		return nil
	}
	path := s.Build.Dockerfile
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.Build.Context, path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	var targets []string
	for _, match := range targetLine.FindAllStringSubmatch(string(text), -1) {
		targets = append(targets, match[1])
	}
	if !slices.Contains(targets, s.Build.Target) {
		return fmt.Errorf("%s: %s has no target %q, only %v", s.Name, path, s.Build.Target, targets)
	}
	return nil
}

// checkMounts makes sure that what is mounted from here is here: the engine
// would make an empty directory of it.
func checkMounts(s types.ServiceConfig) error {
	for _, v := range s.Volumes {
		if v.Type != types.VolumeTypeBind {
			continue
		}
		if _, err := os.Stat(v.Source); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	return nil
}
