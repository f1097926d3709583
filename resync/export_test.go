package resync

// ErrUnsupported is what a Gate gives back to play a file system without exchange.
var ErrUnsupported = errUnsupported
