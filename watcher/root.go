package watcher

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// checkRoot tells whether the root is the directory that it was. Where it is
// not, it does what there is to do.
func (k *keeper) checkRoot(ctx context.Context) bool {
	info, err := os.Stat(k.root)
	switch {
	case err != nil:
		k.rootLost(err)
		return false
	case inodeOf(info) != k.rootID || !info.IsDir():
		k.follow(ctx, info)
		return false
	case k.gone: // it was moved away and back; its watches may have ended
		k.gone, k.err = false, nil
		k.restart(ctx)
		return false
	}
	return true
}

// follow watches the directory that stands in the root's place now. The error
// stays, since what is watched is not what was meant at the start.
func (k *keeper) follow(ctx context.Context, info os.FileInfo) {
	k.rootLost(errors.New("it is another one than at the start"))
	if !info.IsDir() {
		return
	}
	k.rootID, k.gone, k.lost = inodeOf(info), false, true
	k.restart(ctx)
}

// rootLost notes what is wrong with the root, and says it once.
func (k *keeper) rootLost(err error) {
	if !k.gone {
		k.log.Error("the watched directory has changed under us", "err", err)
		k.lost = true
	}
	k.gone, k.err = true, &rootError{err}
}

// rootError says that the tree is not the one that was to be watched.
type rootError struct{ err error }

func (e *rootError) Error() string {
	return fmt.Sprintf("the watched directory has changed under us: %v", e.err)
}

func (e *rootError) Unwrap() error { return e.err }

// Hint says what may be done.
func (e *rootError) Hint() string {
	return "bring the data directory back, or start gsgit again on the new one"
}
