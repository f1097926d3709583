//go:build !race

package resync_test

const stride = 1
