// Package idtui stands for the terminal interface of the `dagger` program, which is not built here.
// It has what the engine itself names: four marks, the notices that logs are cleaned of, styled output
// and the printing of a call for a terminal that is attached to a container.
package idtui

import (
	"fmt"
	"io"

	"github.com/dagger/dagger/dagql/call"
	"github.com/muesli/termenv"
)

const (
	DotFilled   = "●"
	IconSuccess = "✔"
	IconFailure = "✘"
	IconCached  = "$"
)

// SkipLoggedOutTraceMsgEnvs are the variables that silence the notice to log in.
var SkipLoggedOutTraceMsgEnvs = []string{"SHUTUP", "NOTHANKS"}

// NewOutput writes styled text to w.
func NewOutput(w io.Writer, options ...termenv.OutputOption) *termenv.Output {
	return termenv.NewOutput(w, options...)
}

// Dump is how a call is printed.
type Dump struct {
	Newline string
	Prefix  string
}

// DumpID prints a call on a line of its own.
func (dump *Dump) DumpID(out *termenv.Output, id *call.ID) error {
	_, err := io.WriteString(out, fmt.Sprint(dump.Prefix, id.Display(), dump.Newline))
	return err
}
