package kafkabus

import "github.com/twmb/franz-go/pkg/kfake"

// Cluster lets tests delete topics and inject answers, which the guard would not
// let a client do.
func (e *Embedded) Cluster() *kfake.Cluster { return e.cluster }

// HungUp is how many connections the guard refused.
func (e *Embedded) HungUp() int64 { return e.guard.hungUp.Load() }
