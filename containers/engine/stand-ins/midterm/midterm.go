// Package midterm stands for a terminal emulator of which the engine names one thing: the code that
// ends all styles, to strike it from logs.
package midterm

// Format is a style.
type Format struct{}

// Reset is no style.
var Reset Format

// Render gives the escape sequence of a style.
func (Format) Render() string { return "\x1b[0m" }
