// Command session does for an SDK what `dagger session` does: it connects to the engine, serves the
// session on a port of the loopback, says which port and which token on one line of JSON, and ends
// when its standard input is closed.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/dagger/dagger/engine/client"
	"github.com/google/uuid"
)

const engineVariable = "_EXPERIMENTAL_DAGGER_RUNNER_HOST"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "session:", err)
		os.Exit(1)
	}
}

func serve(ctx context.Context) error {
	engine, token := os.Getenv(engineVariable), uuid.NewString()
	if engine == "" {
		return fmt.Errorf("%s does not say where the engine is", engineVariable)
	}
	session, err := client.Connect(ctx, client.Params{SecretToken: token, RunnerHost: engine})
	if err != nil {
		return fmt.Errorf("no session with the engine at %s: %w", engine, err)
	}
	defer session.Close()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := http.Server{Handler: session, ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	given := map[string]any{"port": listener.Addr().(*net.TCPAddr).Port, "session_token": token}
	if err := json.NewEncoder(os.Stdout).Encode(given); err != nil {
		return err
	}
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	case <-closed(os.Stdin):
	}
	return server.Close()
}

// closed tells when nothing more can come from a file.
func closed(file io.Reader) <-chan struct{} {
	end := make(chan struct{})
	go func() {
		defer close(end)
		_, _ = io.Copy(io.Discard, file)
	}()
	return end
}
