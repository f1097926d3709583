package main

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// crashVariable names the point at which a test wants the process to die: "gitstore.ref", or "resync.rename#3"
// for the third time that a point is passed, or "*#20" for the twentieth point of any name.
const crashVariable = "GSGIT_CRASH"

// crashSteps returns the function that every chapter calls at its named points: nil but in crash tests,
// where the process sends itself SIGKILL at one of them.
func crashSteps() func(string) {
	point, count, _ := strings.Cut(os.Getenv(crashVariable), "#")
	if point == "" {
		return nil
	}
	left := new(atomic.Int64)
	left.Store(1)
	if n, err := strconv.ParseInt(count, 10, 64); err == nil {
		left.Store(n)
	}
	return func(name string) {
		if (name == point || point == "*") && left.Add(-1) == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // the signal is on its way: nothing more may happen
		}
	}
}
