package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/gitstore"
)

// place is where a command works: the flags that every command has.
type place struct {
	DataDir   string
	GitDir    string
	Branch    string
	Instance  string
	JSON      bool
	LogFormat string
	LogLevel  string
}

func (p *place) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "data-dir", Aliases: []string{"d"}, Destination: &p.DataDir, EnvVars: []string{"GSGIT_DATA_DIR", "GEOSERVER_DATA_DIR"}, Usage: "`DIR` of the GeoServer's configuration (default: . if it holds global.xml)"},
		&cli.StringFlag{Name: "git-dir", Destination: &p.GitDir, Usage: "`DIR` of the repository (default: .git in the data directory)"},
		&cli.StringFlag{Name: "branch", Destination: &p.Branch, Usage: "`NAME` of the branch (default: what HEAD names, main in a new repository)"},
		&cli.StringFlag{Name: "instance", Aliases: []string{"n"}, Destination: &p.Instance, EnvVars: []string{"GSGIT_INSTANCE"}, Usage: "`NAME` of this node (default: as kept, else the host name)"},
		&cli.BoolFlag{Name: "json", Destination: &p.JSON, Usage: "print one JSON document"},
		&cli.StringFlag{Name: "log-format", Destination: &p.LogFormat, Value: "text", Usage: "`FORMAT` of the log: text or json"},
		&cli.StringFlag{Name: "log-level", Destination: &p.LogLevel, Value: "info", Usage: "`LEVEL` of the log: debug, info, warn or error"},
	}
}

// check settles the directory and the repository; nothing is made.
func (p *place) check() error {
	if p.LogFormat != "text" && p.LogFormat != "json" {
		return misuse("--log-format is text or json, not %q", p.LogFormat)
	}
	var level slog.Level
	if level.UnmarshalText([]byte(p.LogLevel)) != nil {
		return misuse("--log-level is debug, info, warn or error, not %q", p.LogLevel)
	}
	if p.DataDir == "" {
		if _, err := os.Stat("global.xml"); err != nil {
			return hinted{errors.New("no data directory is given, and this one holds no global.xml"), "name it with -d DIR or GSGIT_DATA_DIR"}
		}
		p.DataDir = "."
	}
	abs, err := filepath.Abs(p.DataDir)
	if err != nil {
		return err
	}
	p.DataDir = abs
	if p.GitDir == "" {
		p.GitDir = filepath.Join(abs, ".git")
	}
	if p.GitDir, err = filepath.Abs(p.GitDir); err != nil {
		return err
	}
	if p.Instance != "" && !instanceShape.MatchString(p.Instance) {
		return misuse("--instance takes 1 to 64 letters, digits, dots, dashes and underscores, not %q", p.Instance)
	}
	return nil
}

func (p *place) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(p.LogLevel)) // checked
	options := &slog.HandlerOptions{Level: level}
	if p.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// stateDir is gsgit's own corner of the repository.
func (p *place) stateDir() string { return filepath.Join(p.GitDir, "gsgit") }

// open opens the repository for reading.
func (p *place) open() (*gitstore.Store, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if err := gsgit.CheckDirectory(p.DataDir, true); err != nil {
		return nil, err
	}
	s, err := gitstore.Open(p.GitDir, gitstore.Options{Branch: p.Branch, ReadOnly: true})
	if errors.Is(err, gitstore.ErrNoRepository) {
		return nil, hinted{fmt.Errorf("%s has no history yet", p.DataDir), "begin one with `gsgit init` or `gsgit watch`, or fill a replica with `gsgit follow`"}
	}
	return s, err
}

var instanceShape = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// instance is the node's name: chosen once, and kept.
func (p *place) instance() (string, error) {
	if p.Instance != "" {
		return p.Instance, nil
	}
	kept, err := os.ReadFile(filepath.Join(p.stateDir(), "instance"))
	if name := strings.TrimSpace(string(kept)); err == nil && instanceShape.MatchString(name) {
		return name, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the kept instance name: %w", err)
	}
	host, err := os.Hostname()
	if err != nil || host == "" {
		return "", hinted{errors.New("this machine has no host name to name the node by"), "name it with --instance"}
	}
	return instanceFrom(host), nil
}

// instanceFrom makes an instance name out of a host name.
func instanceFrom(host string) string {
	name := regexp.MustCompile(`[^A-Za-z0-9._-]+`).ReplaceAllString(host, "-")
	return name[:min(len(name), 64)]
}

// keepInstance keeps the name for the next start.
func (p *place) keepInstance(name string) error {
	path := filepath.Join(p.stateDir(), "instance")
	if kept, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(kept)) == name {
		return nil
	}
	if err := os.WriteFile(path, []byte(name+"\n"), 0o600); err != nil {
		return fmt.Errorf("keep the instance name: %w", err)
	}
	return nil
}

// hinted is an error with a line for the person.
type hinted struct {
	error
	hint string
}

func (h hinted) Hint() string  { return h.hint }
func (h hinted) Unwrap() error { return h.error }
