package kafkabus

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// TestGuardPatience holds how long a silent client keeps its place: briefly
// before it has shown that it speaks Kafka, for minutes afterwards.
func TestGuardPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		c := &guarded{Conn: ours, guard: &guard{logger: slog.New(slog.DiscardHandler)}}
		defer c.Close()
		start := time.Now()
		if _, err := c.Read(make([]byte, 64)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != helloLimit {
			t.Errorf("a silent stranger: %v after %v", err, time.Since(start))
		}
		go theirs.Write([]byte{0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff})
		for got := 0; got < 14; {
			n, err := c.Read(make([]byte, 64))
			if err != nil {
				t.Fatal(err)
			}
			got += n
		}
		start = time.Now()
		if _, err := c.Read(make([]byte, 64)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != idleLimit {
			t.Errorf("an idle client: %v after %v", err, time.Since(start))
		}
	})
}
