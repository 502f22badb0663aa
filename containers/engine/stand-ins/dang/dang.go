// Package dangv2 stands for the SDK of the Dang language. No module in that language can be loaded.
package dangv2

import (
	"context"
	"errors"

	"github.com/dagger/dagger/core"
	"github.com/dagger/dagger/dagql"
)

var errAbsent = errors.New("modules in Dang cannot be loaded: this engine was built without its SDK")

// Impl is an SDK that refuses every module.
type Impl struct{}

// ModuleTypes refuses.
func (Impl) ModuleTypes(
	context.Context, *core.SchemaBuilder, dagql.ObjectResult[*core.ModuleSource], dagql.ObjectResult[*core.Module],
) (none dagql.ObjectResult[*core.Module], err error) {
	return none, errAbsent
}

// Runtime refuses.
func (Impl) Runtime(
	context.Context, *core.SchemaBuilder, dagql.ObjectResult[*core.ModuleSource],
) (core.ModuleRuntime, error) {
	return nil, errAbsent
}
