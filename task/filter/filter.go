package filter

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/interpreter"

	"github.com/rowlock/rowlock/task"
)

const (
	// MaxText is how long an expression may be, in bytes.
	MaxText = 4 << 10
	// costLimit is what one evaluation may cost, in CEL's units: about one for each step, and one for ten characters that a
	// function on texts looks at.
	costLimit = 200_000
	// maxDepth is how deep an expression may be nested.
	maxDepth = 50
)

// ErrCost says that an expression was too costly to evaluate for a task.
var ErrCost = errors.New("the filter costs too much to evaluate for this task: simplify it")

// Filter is a compiled expression. It is safe for use by many goroutines.
type Filter struct {
	text    string
	program cel.Program // nil: selects all
	payload bool
}

// environment is what all expressions are compiled in; to make it takes some milliseconds.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	options := []cel.EnvOption{
		cel.ParserRecursionLimit(maxDepth), cel.ParserExpressionSizeLimit(MaxText), cel.CrossTypeNumericComparisons(true),
	}
	for _, name := range Fields() {
		options = append(options, cel.Variable(name, fields[name].kind))
	}
	return cel.NewEnv(options...)
})

// Compile checks an expression, which must yield true or false; "" selects all tasks. The error says where in the text it
// is, and what would be right.
func Compile(text string) (*Filter, error) {
	f := &Filter{text: text}
	if strings.TrimSpace(text) == "" {
		return f, nil
	}
	if len(text) > MaxText {
		return nil, fmt.Errorf("the filter has %d bytes, but may have at most %d", len(text), MaxText)
	}
	env, err := environment()
	if err != nil {
		return nil, fmt.Errorf("make the environment of filters: %w", err)
	}
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, describe(issues, text)
	}
	if got := ast.OutputType(); !got.IsExactType(cel.BoolType) {
		return nil, fmt.Errorf("the filter yields a %s, but must yield true or false: compare it with something, as in priority > 5", got)
	}
	for _, r := range ast.NativeRep().ReferenceMap() {
		f.payload = f.payload || r.Name == payloadField
	}
	f.program, err = env.Program(ast, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(costLimit))
	if err != nil { // a constant that a function doesn't take, such as a bad regular expression
		return nil, fmt.Errorf("the filter can't be evaluated: %w%s", err, hint(err.Error()))
	}
	return f, nil
}

// hints say how to write what CEL's messages only name.
var hints = []struct{ in, say string }{
	{"uration", `durations are written duration("1h30m")`},
	{"imestamp", `times are written timestamp("2026-01-31T00:00:00Z")`},
	{"token recognition error at: '=", "equality is =="},
}

func hint(message string) string {
	for _, h := range hints {
		if strings.Contains(message, h.in) {
			return ": " + h.say
		}
	}
	return ""
}

// maxIssues is how many errors of one text are told.
const maxIssues = 3

// describe says in one line what is wrong and where.
func describe(issues *cel.Issues, text string) error {
	var said []string
	fieldsToo := false
	for i, e := range issues.Errors() {
		if i == maxIssues {
			said = append(said, "and more")
			break
		}
		message := strings.TrimSuffix(strings.TrimSpace(e.Message), " (in container '')")
		message = strings.ReplaceAll(message, "undeclared reference to", "unknown name")
		fieldsToo = fieldsToo || message != e.Message
		at := fmt.Sprintf("column %d", e.Location.Column()+1)
		if strings.Contains(text, "\n") {
			at = fmt.Sprintf("line %d, %s", e.Location.Line(), at)
		}
		said = append(said, at+": "+message+hint(message))
	}
	answer := "the filter is wrong at " + strings.Join(said, "; at ")
	if fieldsToo {
		answer += ". The fields are " + fieldList()
	}
	return errors.New(answer)
}

// String is the expression's text.
func (f *Filter) String() string { return f.text }

// All reports whether the filter selects all tasks.
func (f *Filter) All() bool { return f.program == nil }

// NeedsPayload reports whether the expression looks into payloads.
func (f *Filter) NeedsPayload() bool { return f.payload }

// Match reports whether a task matches at a moment. What it lacks, a label say, makes the expression false, as long as the
// rest doesn't decide otherwise. The only error is ErrCost.
func (f *Filter) Match(t *task.Task, now task.Time) (bool, error) {
	if f.program == nil {
		return true, nil
	}
	v, _, err := f.program.Eval(&subject{task: t, now: now})
	if err != nil {
		var cancelled interpreter.EvalCancelledError
		if errors.As(err, &cancelled) {
			return false, ErrCost
		}
		return false, nil
	}
	yes, ok := v.Value().(bool)
	return ok && yes, nil
}
