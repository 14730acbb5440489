package api

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"
)

// OpenAPI describes the routes in the language of OpenAPI 3.1.
func OpenAPI() []byte {
	schemas := schemas{}
	paths := map[string]map[string]any{}
	for _, one := range routes() {
		if paths[one.path] == nil {
			paths[one.path] = map[string]any{}
		}
		paths[one.path][strings.ToLower(one.method)] = schemas.operation(&one)
	}
	text, err := json.MarshalIndent(map[string]any{
		"openapi": "3.1.0",
		"info": map[string]any{
			"title": "holdfast", "version": "1",
			"description": "HTTP over the Unix socket /run/holdfast/holdfast.sock. Fields are added, and none is renamed or removed. Times that end in _ns are nanoseconds; instants are nanoseconds since the boot of the machine: `at` and `time` of a snapshot are the same moment.",
		},
		"paths":      paths,
		"components": map[string]any{"schemas": schemas},
	}, "", "  ")
	if err != nil {
		panic("api: the description cannot be written: " + err.Error())
	}
	return append(text, '\n')
}

func (s *Server) document(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(OpenAPI()) // who asked may be gone
	return nil
}

// schemas are the types by their names.
type schemas map[string]any

func (s schemas) operation(one *route) map[string]any {
	op := map[string]any{"summary": one.about, "responses": map[string]any{
		"200":     map[string]any{"description": "done", "content": s.content(one)},
		"default": map[string]any{"description": "why not", "content": map[string]any{"application/json": map[string]any{"schema": s.of(reflect.TypeFor[failure]())}}},
	}}
	if one.acts {
		op["description"] = "Changes something: for root and the members of api_group. It leaves an event."
	}
	var list []any
	query := one.query
	if one.ofNode {
		query = append(slices.Clone(query), parameter{name: "node", kind: "string", about: "Which node, where several are seen from here: one of /v1/nodes."})
	}
	for _, p := range query {
		list = append(list, map[string]any{"name": p.name, "in": "query", "required": p.required, "description": p.about, "schema": map[string]any{"type": p.kind}})
	}
	if list != nil {
		op["parameters"] = list
	}
	return op
}

func (s schemas) content(one *route) map[string]any {
	if one.form != "" {
		return map[string]any{one.form: map[string]any{"schema": map[string]any{"type": "string"}}}
	}
	return map[string]any{"application/json": map[string]any{"schema": s.of(reflect.TypeOf(one.answer))}}
}

// of is the schema of a type; that of a struct stands among the components.
func (s schemas) of(t reflect.Type) map[string]any {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case t.Implements(reflect.TypeFor[interface{ MarshalText() ([]byte, error) }]()):
		return map[string]any{"type": "string"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.Slice, reflect.Array:
		return map[string]any{"type": []string{"array", "null"}, "items": s.of(t.Elem())}
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Map, reflect.Interface:
		return map[string]any{"type": "object"}
	case reflect.Struct:
		return s.object(t)
	}
	return map[string]any{"type": "integer"}
}

func (s schemas) object(t reflect.Type) map[string]any {
	name := strings.ToUpper(t.Name()[:min(1, len(t.Name()))]) + t.Name()[min(1, len(t.Name())):]
	if name == "" {
		return map[string]any{"type": "object"}
	}
	ref := map[string]any{"$ref": "#/components/schemas/" + name}
	if s[name] != nil {
		return ref
	}
	fields := map[string]any{}
	s[name] = map[string]any{"type": "object", "properties": fields} // first, for types within themselves
	s.fields(t, fields)
	return ref
}

// fields adds those of a struct, and of what it embeds.
func (s schemas) fields(t reflect.Type, to map[string]any) {
	for f := range t.Fields() {
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && key == "":
			s.fields(f.Type, to)
		case key != "" && key != "-":
			to[key] = s.of(f.Type)
		}
	}
}
