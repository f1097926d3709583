package gitstore

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// dripping gives a few bytes after each pause, for ever.
type dripping struct {
	bytes int
	pause time.Duration
}

func (d dripping) Read(p []byte) (int, error) {
	time.Sleep(d.pause)
	return min(d.bytes, len(p)), nil
}

func TestAConversationEndsWhenNothingOrHardlyAnythingMoves(t *testing.T) {
	for name, c := range map[string]struct {
		source dripping
		says   string
		after  time.Duration
	}{
		"silence":           {dripping{1 << 20, time.Hour}, "nothing came for 2m", 2 * time.Minute},
		"a byte a minute":   {dripping{1, time.Minute}, "bytes came in 30m", 30 * time.Minute},
		"lines, no content": {dripping{5, 5 * time.Second}, "bytes came in 30m", 30 * time.Minute},
		"a slow line":       {dripping{6000, 20 * time.Second}, "", 0},
		"none at a time":    {dripping{0, time.Second}, "bytes came in 30m", 30 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, guard := guardStall(t.Context(), defaultSilence)
				defer guard.stop()
				begin := time.Now()
				buffer := make([]byte, 64<<10)
				for from := guard.reader(c.source); ctx.Err() == nil && time.Since(begin) < 5*time.Hour; {
					if _, err := from.Read(buffer); err != nil {
						t.Fatal(err)
					}
				}
				said := ""
				if cause := context.Cause(ctx); cause != nil {
					said = cause.Error()
				}
				if !strings.Contains(said, c.says) || (said == "") != (c.says == "") {
					t.Errorf("ended with %q, want %q", said, c.says)
				}
				if c.after > 0 && time.Since(begin) < c.after {
					t.Errorf("ended after %v", time.Since(begin))
				}
			})
		})
	}
}

func TestTheWatchRestsWhileWhatCameIsChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, guard := guardStall(t.Context(), time.Minute)
		defer guard.stop()
		if _, err := io.CopyN(io.Discard, guard.reader(dripping{100, time.Second}), 1000); err != nil {
			t.Fatal(err)
		}
		guard.rest()
		time.Sleep(10 * time.Hour)
		if ctx.Err() != nil {
			t.Error(context.Cause(ctx))
		}
	})
}
