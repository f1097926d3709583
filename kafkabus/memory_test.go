package kafkabus_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gsgit/gsgit/kafkabus"
	"github.com/gsgit/gsgit/kafkabus/bustest"
)

// TestMemoryInBubble: tests of time need a bus that lives in a bubble, where a
// heartbeat's age is exact.
func TestMemoryInBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := kafkabus.NewMemory()
		one, two := m.Bus("gs-a"), m.Bus("gs-b")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go two.Run(ctx)
		<-two.CaughtUp()
		if err := one.Report(ctx, bustest.Health("gs-a", "ok", time.Now())); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		time.Sleep(45 * time.Second)
		if nodes := two.Nodes(); len(nodes) != 1 || time.Since(nodes[0].Seen) != 45*time.Second {
			t.Errorf("nodes %+v", nodes)
		}
	})
}
