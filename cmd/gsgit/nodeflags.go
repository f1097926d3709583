package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/gsgit/gsgit"
	"github.com/gsgit/gsgit/gitstore"
	"github.com/gsgit/gsgit/kafkabus"
	"github.com/gsgit/gsgit/xmlcatalog"
)

// busOptions say where heads are announced and heard.
type busOptions struct {
	Brokers      string
	BrokerListen string
	Prefix       string
	Replication  int
	Kafka        kafkabus.Security
}

func (b *busOptions) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "brokers", Destination: &b.Brokers, EnvVars: []string{"GSGIT_KAFKA_BROKERS", "KAFKA_BOOTSTRAP_SERVERS"}, Usage: "`LIST` a:9092,b:9092 of one Kafka cluster, embedded, or none"},
		&cli.StringFlag{Name: "broker-listen", Destination: &b.BrokerListen, Value: "127.0.0.1:9092", Usage: "`ADDR` of the embedded broker; port 0 picks one"},
		&cli.StringFlag{Name: "topic-prefix", Destination: &b.Prefix, Value: "gsgit", Usage: "`PREFIX` of both topics"},
		&cli.IntFlag{Name: "replication-factor", Destination: &b.Replication, Usage: "`N` copies of a topic that is made (default: the broker's)"},
		&cli.StringFlag{Name: "kafka-security-protocol", Destination: &b.Kafka.Protocol, EnvVars: []string{"KAFKA_SECURITY_PROTOCOL"}, Usage: "`P`: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"},
		&cli.StringFlag{Name: "kafka-sasl-mechanism", Destination: &b.Kafka.Mechanism, EnvVars: []string{"KAFKA_SASL_MECHANISM"}, Usage: "`M`: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"},
		&cli.StringFlag{Name: "kafka-sasl-username", Destination: &b.Kafka.Username, EnvVars: []string{"KAFKA_SASL_USERNAME"}, Usage: "`USER` for SASL"},
		&cli.StringFlag{Name: "kafka-sasl-password-file", Destination: &b.Kafka.PasswordFile, Usage: "`FILE` with the password for SASL"},
		&cli.StringFlag{Name: "kafka-ssl-ca", Destination: &b.Kafka.CA, EnvVars: []string{"KAFKA_SSL_CA_LOCATION"}, Usage: "`FILE` with the brokers' CA"},
		&cli.StringFlag{Name: "kafka-ssl-cert", Destination: &b.Kafka.Cert, Usage: "`FILE` with this client's certificate"},
		&cli.StringFlag{Name: "kafka-ssl-key", Destination: &b.Kafka.Key, Usage: "`FILE` with this client's key"},
		&cli.StringFlag{Name: "kafka-server-name", Destination: &b.Kafka.ServerName, Usage: "`NAME` in the brokers' certificates, where it is not their host"},
	}
}

const (
	embedded = "embedded"
	noBus    = "none"
)

// list is the brokers of a cluster; empty for embedded and none.
func (b *busOptions) list() []string {
	if b.Brokers == embedded || b.Brokers == noBus || b.Brokers == "" {
		return nil
	}
	return strings.Split(b.Brokers, ",")
}

// fetchOptions say where commits come from.
type fetchOptions struct {
	Remote    string
	From      string
	Trust     cli.StringSlice
	TokenFile string
	Poll      time.Duration
}

func (f *fetchOptions) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "remote", Destination: &f.Remote, Usage: "`URL` of a hub: any git remote, pushed to before announcing"},
		&cli.StringFlag{Name: "from", Destination: &f.From, Usage: "`URL` or local path to fetch from first"},
		&cli.StringSliceFlag{Name: "trust", Destination: &f.Trust, Usage: "`HOST` whose remotes in records are used (repeatable)"},
		&cli.StringFlag{Name: "token-file", Destination: &f.TokenFile, Usage: "`FILE` with the token that /git/ asks for, here and at the sources"},
		&cli.DurationFlag{Name: "poll", Destination: &f.Poll, Value: 30 * time.Second, Usage: "`TIME` between questions to the sources where no doorbell rings"},
	}
}

func (f *fetchOptions) token() (string, error) {
	if f.TokenFile == "" {
		return "", nil
	}
	content, err := os.ReadFile(f.TokenFile)
	if err != nil {
		return "", hinted{fmt.Errorf("read the token: %w", err), "write one line with a long random word into it, and name it on every node"}
	}
	if token := strings.TrimSpace(string(content)); token != "" {
		return token, nil
	}
	return "", hinted{fmt.Errorf("%s is empty", f.TokenFile), "write one line with a long random word into it"}
}

// sources readies the fetch side of a node.
func (f *fetchOptions) sources(brokers []string, stateDir string) (*gsgit.Sources, error) {
	token, err := f.token()
	if err != nil {
		return nil, err
	}
	memory, err := gsgit.OpenMemory(stateDir)
	if err != nil {
		return nil, err
	}
	return &gsgit.Sources{
		From: gitstore.Source{URL: f.From, Token: token}, Hub: gitstore.Source{URL: f.Remote, Token: token},
		Trust: f.Trust.Value(), Brokers: brokers, Token: token, Poll: f.Poll, Memory: memory,
	}, nil
}

// watchingOptions say when a directory has gone quiet and what of it is tracked.
type watchingOptions struct {
	Settle time.Duration
	Scan   time.Duration
	Watch  string
	Local  cli.StringSlice

	minFree string
	MinFree uint64 // bytes
}

func (w *watchingOptions) flags() []cli.Flag {
	return []cli.Flag{
		&cli.DurationFlag{Name: "settle", Destination: &w.Settle, Value: 100 * time.Millisecond, Usage: "`TIME` without an event after which the directory is quiet"},
		&cli.DurationFlag{Name: "scan", Destination: &w.Scan, Value: 5 * time.Minute, Usage: "`TIME` between looks at the whole directory, for what no event told"},
		&cli.StringFlag{Name: "watch", Destination: &w.Watch, Value: "auto", Usage: "`MODE`: auto, events or poll"},
		&cli.StringSliceFlag{Name: "local", Destination: &w.Local, Usage: "`PATTERN` of files that stay on this node (repeatable)"},
		&cli.StringFlag{Name: "min-free", Destination: &w.minFree, Value: "256MiB", Usage: "`SIZE` that is left free on the volume"},
	}
}

func (w *watchingOptions) check() error {
	if w.Watch != "auto" && w.Watch != "events" && w.Watch != "poll" {
		return misuse("--watch is auto, events or poll, not %q", w.Watch)
	}
	if w.Settle <= 0 || w.Scan <= 0 {
		return misuse("--settle and --scan take a time above 0")
	}
	if err := (xmlcatalog.Rules{Local: w.Local.Value()}).Check(); err != nil {
		return usageError{fmt.Errorf("--local: %w", err)}
	}
	var err error
	w.MinFree, err = parseSize(w.minFree)
	return err
}

// parseSize reads 256MiB, 1GiB, 512KiB or a number of bytes.
func parseSize(size string) (uint64, error) {
	digits, shift := size, 0
	for unit, bits := range map[string]int{"KiB": 10, "MiB": 20, "GiB": 30, "TiB": 40} {
		if number, ok := strings.CutSuffix(size, unit); ok {
			digits, shift = number, bits
		}
	}
	n, err := strconv.ParseUint(digits, 10, 63-shift) // what is more would overflow
	if err != nil {
		return 0, misuse("--min-free takes a size like 256MiB, not %q", size)
	}
	return n << shift, nil
}

// settings are what a node used last, without secrets: status works by them when the node does not run.
type settings struct {
	Brokers []string          `json:"brokers"`
	Prefix  string            `json:"topicPrefix"`
	Kafka   kafkabus.Security `json:"kafka"`
	HTTP    string            `json:"http"`
	Broker  string            `json:"broker"`
	Token   string            `json:"tokenFile"`
	TLSCA   string            `json:"tlsCA"`
	TLSCert string            `json:"tlsCert"`
	TLSKey  string            `json:"tlsKey"`
	Roles   []string          `json:"roles"`

	From      string        `json:"from"`
	Remote    string        `json:"remote"`
	Trust     []string      `json:"trust"`
	Local     []string      `json:"local"`
	Security  string        `json:"security"`
	MaxNew    int           `json:"maxNewFiles"`
	Passwords string        `json:"passwords"`
	GeoServer keptGeoServer `json:"geoserver"`
}

// replica tells that the node of this directory followed when it last ran.
func (s settings) replica() bool {
	return slices.Contains(s.Roles, "follow") && !slices.Contains(s.Roles, "watch")
}

// bus is where the node announced or heard when it last ran.
func (s settings) bus() busOptions {
	return busOptions{Brokers: strings.Join(s.Brokers, ","), Prefix: s.Prefix, Kafka: s.Kafka}
}

// keptGeoServer is where a node's GeoServer is, and who it is spoken to as; the password stays in its file.
type keptGeoServer struct {
	URL          string `json:"url"`
	User         string `json:"user"`
	PasswordFile string `json:"passwordFile"`
}

func (p *place) keepSettings(s settings) error {
	content, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(p.stateDir(), "settings")
	if err := os.WriteFile(path+".tmp", append(content, '\n'), 0o600); err != nil {
		return fmt.Errorf("keep the settings: %w", err)
	}
	return os.Rename(path+".tmp", path)
}

func (p *place) settings() (settings, error) {
	var s settings
	content, err := os.ReadFile(filepath.Join(p.stateDir(), "settings"))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(content, &s)
	}
	if err != nil {
		return s, fmt.Errorf("read the settings last used: %w", err)
	}
	return s, nil
}
