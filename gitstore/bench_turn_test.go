package gitstore

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"
)

// cost is what something took: the time on the wall, and that of the processors in this process and in those it started.
type cost struct{ wall, cpu time.Duration }

func costOf(do func()) cost {
	begin, used := time.Now(), cpuTime()
	do()
	return cost{time.Since(begin), cpuTime() - used}
}

func cpuTime() (sum time.Duration) {
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var use syscall.Rusage
		if err := syscall.Getrusage(who, &use); err != nil {
			panic(fmt.Sprintf("ask for the time of the processors: %v", err))
		}
		sum += time.Duration(use.Utime.Nano() + use.Stime.Nano())
	}
	return sum
}

// contender is one of the ways that are measured in turn; run gives the cost of what counts in its round.
type contender struct {
	name string
	run  func(round int) cost
}

// inTurn reports the medians of each contender, and how many times the time of the first the others take.
func inTurn(b *testing.B, rounds int, all ...contender) {
	b.Helper()
	took := make([][]cost, len(all))
	for round := range rounds {
		for n := range all { // another one begins each round: what the last one left to the device hits all alike
			i := (round + n) % len(all)
			took[i] = append(took[i], all[i].run(round))
		}
	}
	first := median(took[0], cost.onWall)
	for i, c := range all {
		m := median(took[i], cost.onWall)
		b.ReportMetric(milliseconds(m), c.name+"-ms")
		b.ReportMetric(milliseconds(median(took[i], cost.onProcessor)), c.name+"-cpu-ms")
		if i > 0 {
			b.ReportMetric(float64(m)/float64(first), c.name+"/"+all[0].name)
		}
	}
	b.ReportMetric(0, "ns/op")
}

func (c cost) onWall() time.Duration      { return c.wall }
func (c cost) onProcessor() time.Duration { return c.cpu }

func median(costs []cost, of func(cost) time.Duration) time.Duration {
	all := make([]time.Duration, 0, len(costs))
	for _, c := range costs {
		all = append(all, of(c))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// Cost, CostOf and InTurn are for the benchmarks outside of the package.
type Cost = cost

func CostOf(do func()) Cost { return costOf(do) }

func InTurn(b *testing.B, rounds int, names []string, run func(name string) Cost) {
	b.Helper()
	var all []contender
	for _, name := range names {
		all = append(all, contender{name, func(int) cost { return run(name) }})
	}
	inTurn(b, rounds, all...)
}
