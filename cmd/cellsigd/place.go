package main

import (
	"errors"
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// document is the configuration file, to tell where in it something is.
type document struct {
	name string
	body ast.Node
}

// parse reads the file into f as well: what YAML itself finds wrong is an error with its
// place.
func (d *document) parse(text []byte, f *file) error {
	err := yaml.UnmarshalWithOptions(text, f, yaml.Strict())
	var fault yaml.Error
	if errors.As(err, &fault) {
		return d.fault(fault.GetToken(), errors.New(fault.GetMessage()))
	}
	if err != nil {
		return d.fault(nil, err)
	}
	parsed, err := parser.ParseBytes(text, 0)
	if err == nil && len(parsed.Docs) > 0 {
		d.body = parsed.Docs[0].Body
	}
	return err
}

// fault gives FILE:LINE:COLUMN: and the error; without a token FILE: and the error.
func (d *document) fault(at *token.Token, err error) error {
	if at == nil || at.Position == nil {
		return fmt.Errorf("%s: %w", d.name, err)
	}
	return fmt.Errorf("%s:%d:%d: %w", d.name, at.Position.Line, at.Position.Column, err)
}

// entries are the keys and values of a mapping.
func entries(n ast.Node) []*ast.MappingValueNode {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	}
	return nil
}

// under is the value of a key of the document; nil: it is not there.
func (d *document) under(key string) ast.Node {
	for _, e := range entries(d.body) {
		if e.Key.GetToken().Value == key {
			return e.Value
		}
	}
	return nil
}

// iface is where the interface with this index begins.
func (d *document) iface(index int) *token.Token {
	list, ok := d.under("interfaces").(*ast.SequenceNode)
	if !ok || index >= len(list.Values) {
		return nil
	}
	n := list.Values[index]
	if m, flow := n.(*ast.MappingNode); flow && m.IsFlowStyle {
		return n.GetToken()
	}
	if e := entries(n); len(e) > 0 { // the token of a mapping in lines is its first colon
		return e[0].Key.GetToken()
	}
	return n.GetToken()
}

// key is where a key of the mapping under a key of the document is.
func (d *document) key(under, key string) *token.Token {
	for _, e := range entries(d.under(under)) {
		if e.Key.GetToken().Value == key {
			return e.Key.GetToken()
		}
	}
	return nil
}
