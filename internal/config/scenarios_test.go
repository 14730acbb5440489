package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"holdfast/internal/conf"
	"holdfast/internal/config"
)

// disk reads real files for the tests; package config itself never does.
type disk struct{}

func (disk) Read(path string) (string, conf.Kind, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", conf.Missing, err
	}
	return string(text), conf.Regular, nil
}

func (disk) Glob(pattern string) ([]string, error) { return filepath.Glob(pattern) }

// build reads and builds one file of the disk.
func build(t testing.TB, path string) (*config.Config, []conf.Diag) {
	t.Helper()
	tree, found := conf.Parse(disk{}, path, conf.Options{})
	c, more := config.Build(tree, config.Options{HostName: "node"})
	return c, conf.Sort(append(found, more...))
}

func TestScenariosHaveNoErrors(t *testing.T) {
	files, err := filepath.Glob("testdata/scenarios/*/*.conf")
	if err != nil || len(files) != 27 {
		t.Fatalf("scenario files: %d, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			_, diags := build(t, file)
			for _, d := range diags {
				t.Logf("%s", d)
				if d.Severity == conf.Error {
					t.Errorf("a scenario must have no error")
				}
			}
		})
	}
}
