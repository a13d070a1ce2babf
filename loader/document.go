package loader

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxFaults is where reading gives up: what follows so many faults helps nobody.
const maxFaults = 32

// reader walks a document and collects what is wrong with it. A node that is wrong gives
// the zero value, and is told of once.
type reader struct {
	file   string
	rules  Rules
	specs  map[string]Spec // of ports, by name
	faults Faults
}

func (r *reader) fault(at Position, format string, args ...any) {
	if len(r.faults) < maxFaults {
		r.faults = append(r.faults, &Fault{File: r.file, At: at, Text: fmt.Sprintf(format, args...)})
	}
}

// document gives the one document of a file; nil: there is none, or it cannot be read.
func (r *reader) document(text []byte) (body ast.Node) {
	if len(text) > MaxFile {
		r.fault(Position{}, "longer than %d octets", MaxFile)
		return nil
	}
	defer func() { // what the parser of YAML makes of nonsense is one more fault of the file
		if failure := recover(); failure != nil {
			r.fault(Position{}, "no YAML: %v", failure)
			body = nil
		}
	}()
	tokens := lexer.Tokenize(string(text))
	if deep := tooDeep(tokens); deep != nil {
		r.fault(tokenAt(deep), "more than %d levels, one in the other", maxDepth)
		return nil
	}
	file, err := parser.Parse(tokens, 0)
	if err != nil {
		var syntax *yaml.SyntaxError
		if errors.As(err, &syntax) && syntax.Token != nil {
			r.fault(tokenAt(syntax.Token), "%s", syntax.Message)
		} else {
			r.fault(Position{}, "%s", strings.SplitN(err.Error(), "\n", 2)[0])
		}
		return nil
	}
	for _, d := range file.Docs {
		switch {
		case d.Body == nil:
		case body != nil:
			r.fault(nodeAt(d.Body), "a second document: one file is one configuration")
			return nil
		default:
			body = d.Body
		}
	}
	return body
}

// maxDepth is how many levels a document may have: a configuration has five. The parser
// takes memory with their square.
const maxDepth = 32

// tooDeep gives the token at which there are too many levels; nil: there are not.
func tooDeep(tokens token.Tokens) *token.Token {
	var columns []int // of the blocks that the line stands in
	flow, run, line := 0, 0, 0
	for _, t := range tokens {
		if t.Position != nil && t.Position.Line != line && flow == 0 {
			line, run = t.Position.Line, 0
			for len(columns) > 0 && columns[len(columns)-1] >= t.Position.Column {
				columns = columns[:len(columns)-1]
			}
			columns = append(columns, t.Position.Column)
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow = max(flow-1, 0)
		case token.SequenceEntryType, token.MappingKeyType, token.TagType, token.AnchorType:
			run++ // which opens a level without a line of its own
		default:
			run = 0
		}
		if len(columns)+flow+run > maxDepth {
			return t
		}
	}
	return nil
}

func tokenAt(t *token.Token) Position {
	if t == nil || t.Position == nil {
		return Position{}
	}
	return Position{t.Position.Line, t.Position.Column}
}

// nodeAt is where a node begins.
func nodeAt(n ast.Node) Position {
	switch n := n.(type) {
	case nil:
		return Position{}
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 { // its own token is the first colon
			return tokenAt(n.Values[0].Key.GetToken())
		}
	case *ast.MappingValueNode:
		return tokenAt(n.Key.GetToken())
	}
	return tokenAt(n.GetToken())
}

// entry is a key and its value.
type entry struct {
	key   string
	at    Position // of the key
	value ast.Node
}

// mapping gives a mapping's entries; what it is a mapping of is for the fault.
func (r *reader) mapping(n ast.Node, what string) []entry {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return nil
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		r.fault(nodeAt(n), "%s: a mapping, KEY: VALUE", what)
		return nil
	}
	entries := make([]entry, 0, len(values))
	for _, v := range values {
		if key, ok := text(v.Key); ok {
			entries = append(entries, entry{key, tokenAt(v.Key.GetToken()), v.Value})
		} else {
			r.fault(tokenAt(v.Key.GetToken()), "%s: a key is plain text", what)
		}
	}
	return entries
}

// fields hands each entry of a mapping to the function of its key, and refuses other
// keys.
func (r *reader) fields(n ast.Node, what string, known map[string]func(entry)) {
	for _, e := range r.mapping(n, what) {
		if do := known[e.key]; do != nil {
			do(e)
			continue
		}
		keys := make([]string, 0, len(known))
		for k := range known {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		r.fault(e.at, "unknown key %q in %s: it takes %s", e.key, what, strings.Join(keys, ", "))
	}
}

// list gives the nodes of a sequence.
func (r *reader) list(n ast.Node, what string) []ast.Node {
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return nil
	case *ast.SequenceNode:
		return n.Values
	}
	r.fault(nodeAt(n), "%s: a list, [A, B] or a line each that begins with -", what)
	return nil
}

// text gives a scalar as it is written.
func text(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// text gives a scalar that is not empty.
func (r *reader) text(e entry) (string, Position) {
	at := nodeAt(e.value)
	s, ok := text(e.value)
	switch {
	case !ok || s == "":
		if at.Line == 0 {
			at = e.at
		}
		r.fault(at, "%s: a value on the same line", e.key)
		return "", at
	case len(s) > maxText || !utf8.ValidString(s):
		r.fault(at, "%s: UTF-8 of at most %d octets", e.key, maxText)
		return "", at
	case strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f }):
		r.fault(at, "%s: a control character in the text", e.key)
		return "", at
	}
	return s, at
}

// number gives a number in decimal within limits.
func (r *reader) number(e entry, least, most uint64) uint64 {
	s, at := r.text(e)
	if s == "" {
		return 0
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n < least || n > most {
		r.fault(at, "%s: %q is no number from %d to %d", e.key, s, least, most)
		return 0
	}
	return n
}

// word gives the value of one of the words.
func word[T any](r *reader, e entry, words []string, values []T) (v T) {
	s, at := r.text(e)
	if s == "" {
		return v
	}
	if i := slices.Index(words, s); i >= 0 {
		return values[i]
	}
	r.fault(at, "%s: %q: %s", e.key, s, oneOf(words))
	return v
}

// oneOf joins words for a person.
func oneOf(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
