package kafkabus_test

import (
	"testing"
	"time"

	"github.com/gsgit/gsgit/kafkabus"
	"github.com/gsgit/gsgit/kafkabus/bustest"
)

func TestJudge(t *testing.T) {
	const (
		before = "1700000000000000000-aaaaaaaa"
		ours   = "1700000000000000001-bbbbbbbb"
		same   = "1700000000000000001-cccccccc"
		later  = "1700000000000000002-00000000"
	)
	news := func(epoch string, n int) kafkabus.Announcement {
		a := bustest.News("gs-a", n)
		a.Epoch = epoch
		return a
	}
	own, none := news(ours, 5), kafkabus.Announcement{}
	for _, c := range []struct {
		name           string
		seen, answered kafkabus.Announcement
		ok             bool
		want           kafkabus.Verdict
	}{
		{"the topic says what we said", news(ours, 5), none, true, kafkabus.Fine},
		{"the topic holds nothing", none, none, false, kafkabus.Again},
		{"the topic lost it after we answered", none, news(before, 4), false, kafkabus.Again},
		{"an old one of ours came late", news(ours, 4), none, true, kafkabus.Again},
		{"our last life's head, unchanged", news(before, 5), none, true, kafkabus.Fine},
		{"our last life's older head", news(before, 4), none, true, kafkabus.Again},
		{"our answer was not read back yet", news(before, 4), news(before, 4), true, kafkabus.Again},
		{"the answered process speaks again", news(before, 6), news(before, 4), true, kafkabus.Twin},
		{"it speaks again and agrees", news(before, 5), news(before, 4), true, kafkabus.Twin},
		{"another earlier life than the answered", news("1600000000000000000-aaaaaaaa", 3), news(before, 4), true, kafkabus.Again},
		{"a later process", news(later, 6), none, true, kafkabus.Twin},
		{"a later process that agrees", news(later, 5), none, true, kafkabus.Twin},
		{"a process started in the same nanosecond", news(same, 6), none, true, kafkabus.Twin},
		{"more digits are later", news("9000000000000000000-00000000", 6), none, true, kafkabus.Twin},
		{"fewer digits are earlier", news("999-ffffffff", 6), none, true, kafkabus.Again},
	} {
		if got := kafkabus.Judge(own, c.seen, c.ok, c.answered); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestNewEpoch(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	first := kafkabus.NewEpoch(start, "")
	if first[:20] != "1700000000000000000-" {
		t.Errorf("epoch %q", first)
	}
	if other := kafkabus.NewEpoch(start, ""); other == first {
		t.Errorf("two processes have the epoch %q", other)
	}
	if next := kafkabus.NewEpoch(start.Add(-time.Hour), first); next[:20] != "1700000000000000001-" {
		t.Errorf("after the clock went back %q follows %q", next, first)
	}
	a := bustest.News("gs-a", 2)
	a.Epoch = first
	if _, err := kafkabus.EncodeAnnouncement(a); err != nil {
		t.Error(err)
	}
}
