package testkafka

import (
	"os/exec"
	"runtime"
	"syscall"
)

// hold starts a command as the leader of a process group that kill ends and that,
// where the system can do it, ends with this process however that ends.
func hold(command *exec.Cmd) (ended <-chan struct{}, kill func(), err error) {
	command.SysProcAttr = attributes()
	started, done := make(chan error, 1), make(chan struct{})
	go func() {
		// The kernel's promise is tied to the thread that started the process, so
		// that thread must live as long.
		runtime.LockOSThread()
		err := command.Start()
		started <- err
		if err == nil {
			_ = command.Wait() // it is killed: that is no news
		}
		close(done)
	}()
	if err := <-started; err != nil {
		return nil, nil, err
	}
	return done, func() {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL) // may have ended by itself
		<-done
	}, nil
}
