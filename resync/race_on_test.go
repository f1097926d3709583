//go:build race

package resync_test

// stride is how many points of a long table pass for each that is taken. It is odd, since
// what happens at a point goes by twos and fours.
const stride = 7
