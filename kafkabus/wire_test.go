package kafkabus_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gsgit/gsgit/kafkabus"
	"github.com/gsgit/gsgit/kafkabus/bustest"
)

func ExampleEncodeAnnouncement() {
	data, err := kafkabus.EncodeAnnouncement(kafkabus.Announcement{
		Cluster: "5f2b7c1e0a9d8c7b6a5f4e3d2c1b0a9f8e7d6c5b", Instance: "gs-a", Ref: "refs/heads/main",
		Commit: "3f2c1a0b9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a", Parent: "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567",
		Epoch: "1780000000000000000-00c0ffee", Time: time.Date(2026, 5, 28, 20, 26, 40, 0, time.UTC), Commits: 1,
		Summary: kafkabus.Summary{Modified: 1, Objects: []string{"layer:topp:states"}},
		Remotes: []string{"http://gs-a.example.org:8418/git/"},
	})
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(strings.ReplaceAll(string(data), `,"`, ",\n\""))
	// Output:
	// {"v":1,
	// "cluster":"5f2b7c1e0a9d8c7b6a5f4e3d2c1b0a9f8e7d6c5b",
	// "instance":"gs-a",
	// "ref":"refs/heads/main",
	// "commit":"3f2c1a0b9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a",
	// "parent":"0a1b2c3d4e5f60718293a4b5c6d7e8f901234567",
	// "epoch":"1780000000000000000-00c0ffee",
	// "time":"2026-05-28T20:26:40Z",
	// "commits":1,
	// "summary":{"created":0,
	// "modified":1,
	// "deleted":0,
	// "renamed":0,
	// "objects":["layer:topp:states"]},
	// "remotes":["http://gs-a.example.org:8418/git/"]}
}

func ExampleEncodeNode() {
	at := time.Date(2026, 5, 28, 20, 26, 40, 0, time.UTC)
	data, err := kafkabus.EncodeNode(kafkabus.NodeRecord{
		Instance: "gs-b", Cluster: "5f2b7c1e0a9d8c7b6a5f4e3d2c1b0a9f8e7d6c5b", Roles: []string{"follow"}, Version: "v1.0.0", State: "ok",
		Heads: map[string]string{"refs/heads/main": "3f2c1a0b9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a"},
		Disk:  "3f2c1a0b9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a", Applied: "3f2c1a0b9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a",
		Started: at, Time: at.Add(time.Minute), URL: "http://gs-b.example.org:8418/git/",
	})
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(strings.ReplaceAll(string(data), `,"`, ",\n\""))
	// Output:
	// {"v":1,
	// "instance":"gs-b",
	// "cluster":"5f2b7c1e0a9d8c7b6a5f4e3d2c1b0a9f8e7d6c5b",
	// "roles":["follow"],
	// "version":"v1.0.0",
	// "state":"ok",
	// "heads":{"refs/heads/main":"3f2c1a0b9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a"},
	// "disk":"3f2c1a0b9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a",
	// "applied":"3f2c1a0b9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a",
	// "lag":0,
	// "drift":0,
	// "started":"2026-05-28T20:26:40Z",
	// "time":"2026-05-28T20:27:40Z",
	// "url":"http://gs-b.example.org:8418/git/"}
}

// TestAnnouncementFits says whatever a publisher may have to say, and wants it
// short, readable by a peer, and whole in what matters.
func TestAnnouncementFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := bustest.News("gs-a", rapid.IntRange(2, 1000).Draw(t, "commit"))
		a.Summary.Objects = rapid.SliceOfN(rapid.String(), 0, 40).Draw(t, "objects")
		if rapid.Bool().Draw(t, "long") {
			for i := range a.Summary.Objects {
				a.Summary.Objects[i] += strings.Repeat("é", rapid.IntRange(0, 2000).Draw(t, "length"))
			}
		}
		for range rapid.IntRange(0, 30).Draw(t, "remotes") {
			a.Remotes = append(a.Remotes, "http://user:secret@host/"+strings.Repeat("x", rapid.IntRange(0, 1100).Draw(t, "path"))+"?token=secret")
		}
		data, err := kafkabus.EncodeAnnouncement(a)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) >= 8<<10 || strings.Contains(string(data), "secret") {
			t.Fatalf("%d bytes: %s", len(data), data)
		}
		back, err := kafkabus.DecodeAnnouncement(data)
		if err != nil {
			t.Fatal(err)
		}
		if back.Key() != a.Key() || back.Commit != a.Commit || back.Epoch != a.Epoch || !back.Time.Equal(a.Time) {
			t.Fatalf("%+v came back as %+v", a, back)
		}
		if len(back.Summary.Objects) > 20 || back.Summary.Modified != a.Summary.Modified {
			t.Fatalf("summary %+v", back.Summary)
		}
	})
}

func TestAnnouncementKeepsWhatFits(t *testing.T) {
	a := bustest.News("gs-a", 2)
	data, err := kafkabus.EncodeAnnouncement(a)
	if err != nil {
		t.Fatal(err)
	}
	back, err := kafkabus.DecodeAnnouncement(data)
	if err != nil || !reflect.DeepEqual(a, back) {
		t.Errorf("%+v came back as %+v, %v", a, back, err)
	}
}

// with returns a good record with one field replaced.
func with(t *testing.T, good any, field string, value any) []byte {
	t.Helper()
	data, err := json.Marshal(good)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]any{}
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	m[field] = value
	if data, err = json.Marshal(m); err != nil {
		t.Fatal(err)
	}
	return data
}

func TestDecodeAnnouncementRefuses(t *testing.T) {
	good := bustest.News("gs-a", 2)
	if _, err := kafkabus.DecodeAnnouncement(with(t, good, "later", "field")); err != nil {
		t.Fatalf("an unknown field: %v", err)
	}
	for _, c := range []struct {
		field string
		value any
	}{
		{"v", 0}, {"v", -1}, {"v", 2}, {"v", "1"},
		{"cluster", ""}, {"cluster", "x"},
		{"instance", ""}, {"instance", "a/b"}, {"instance", ".. "}, {"instance", strings.Repeat("a", 65)}, {"instance", "a\n"},
		{"ref", "refs/tags/v1"}, {"ref", "refs/heads/"}, {"ref", "refs/heads/../../config"}, {"ref", "refs/heads/a.lock"},
		{"ref", "refs/heads/.hidden"}, {"ref", "refs/heads/a//b"}, {"ref", "refs/heads/a b"}, {"ref", "refs/heads/a\x00"},
		{"ref", "refs/heads/" + strings.Repeat("a", 300)}, {"ref", "refs/heads/a@{1}"},
		{"commit", strings.Repeat("G", 40)}, {"commit", strings.Repeat("A", 40)}, {"commit", strings.Repeat("a", 41)}, {"commit", ""},
		{"parent", "HEAD"},
		{"epoch", ""}, {"epoch", "1"}, {"epoch", "-1-00c0ffee"}, {"epoch", "99999999999999999999-00c0ffee"}, {"epoch", "9999999999999999999-00c0ffee"},
		{"time", "yesterday"}, {"commits", -1}, {"commits", 1.5},
		{"summary", map[string]any{"created": -1}},
		{"summary", map[string]any{"objects": []string{"\x1b[2J"}}},
		{"summary", map[string]any{"objects": make([]string, 21)}},
		{"remotes", []string{"http://a\nb/"}}, {"remotes", make([]string, 17)}, {"remotes", "http://a/"},
		{"later", strings.Repeat("x", 8<<10)},
	} {
		if a, err := kafkabus.DecodeAnnouncement(with(t, good, c.field, c.value)); err == nil {
			t.Errorf("%s=%.40q was believed: %+v", c.field, c.value, a)
		}
	}
	for _, s := range []string{"", "{", "[]", "null", `"v"`, "\xff"} {
		if _, err := kafkabus.DecodeAnnouncement([]byte(s)); err == nil {
			t.Errorf("%q was believed", s)
		}
	}
}

func TestDecodeNodeRefuses(t *testing.T) {
	good := bustest.Health("gs-a", "ok", time.Now())
	if _, err := kafkabus.DecodeNode(with(t, good, "later", "field")); err != nil {
		t.Fatalf("an unknown field: %v", err)
	}
	for _, c := range []struct {
		field string
		value any
	}{
		{"v", 2}, {"instance", "../x"}, {"cluster", "x"}, {"state", ""}, {"state", "OK"}, {"state", "\x1b"},
		{"heads", map[string]string{"refs/heads/main": "x"}}, {"heads", map[string]string{"x": bustest.Commit(1)}},
		{"disk", "x"}, {"applied", "x"}, {"lag", -1}, {"drift", -1}, {"url", "http://a\x07/"}, {"version", "\u202e"}, {"roles", make([]string, 9)},
	} {
		if n, err := kafkabus.DecodeNode(with(t, good, c.field, c.value)); err == nil {
			t.Errorf("%s=%.40q was believed: %+v", c.field, c.value, n)
		}
	}
}

func TestNewerVersionHasHint(t *testing.T) {
	_, err := kafkabus.DecodeAnnouncement(with(t, bustest.News("gs-a", 2), "v", 2))
	if err == nil || !strings.Contains(err.Error(), "version 2") || hintOf(err) == "" {
		t.Errorf("%v (%s)", err, hintOf(err))
	}
}

func TestNodeTooLong(t *testing.T) {
	n := bustest.Health("gs-a", "ok", time.Now())
	for i := range 100 {
		n.Heads[fmt.Sprintf("refs/heads/%0100d", i)] = bustest.Commit(i)
	}
	if data, err := kafkabus.EncodeNode(n); err == nil {
		t.Errorf("%d bytes were encoded", len(data))
	}
}

// FuzzDecodeAnnouncement: whatever is believed can be said again and means the same.
func FuzzDecodeAnnouncement(f *testing.F) {
	good, err := kafkabus.EncodeAnnouncement(bustest.News("gs-a", 2))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"v":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := kafkabus.DecodeAnnouncement(data)
		if err != nil {
			return
		}
		again, err := kafkabus.EncodeAnnouncement(a)
		if err != nil {
			t.Fatalf("%+v: %v", a, err)
		}
		b, err := kafkabus.DecodeAnnouncement(again)
		if err != nil {
			t.Fatalf("%s: %v", again, err)
		}
		a.Remotes, b.Remotes = nil, nil // users and queries are taken out of a stranger's
		if len(again) == len(data) && !reflect.DeepEqual(a, b) {
			t.Fatalf("%+v became %+v", a, b)
		}
		if a.Key() != b.Key() || a.Commit != b.Commit || a.Epoch != b.Epoch || !a.Time.Equal(b.Time) {
			t.Fatalf("%+v became %+v", a, b)
		}
	})
}

func FuzzDecodeNode(f *testing.F) {
	good, err := kafkabus.EncodeNode(bustest.Health("gs-a", "ok", time.Unix(1_700_000_000, 0)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := kafkabus.DecodeNode(data)
		if err != nil {
			return
		}
		again, err := kafkabus.EncodeNode(n)
		if err != nil {
			t.Fatalf("%+v: %v", n, err)
		}
		if back, err := kafkabus.DecodeNode(again); err != nil || back.Instance != n.Instance || back.State != n.State {
			t.Fatalf("%+v became %+v, %v", n, back, err)
		}
	})
}
