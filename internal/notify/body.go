package notify

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
	"time"
)

// Hooks names the webhooks that are called; nil: none.
type Hooks struct{ Names []string }

// String is as a file has it.
func (h *Hooks) String() string {
	if h == nil || len(h.Names) == 0 {
		return "none"
	}
	return strings.Join(h.Names, " ")
}

// Add names another one. Who has the pointer already does not see it.
func (h *Hooks) Add(names ...string) *Hooks {
	if h != nil {
		names = append(h.Names[:len(h.Names):len(h.Names)], names...)
	}
	return &Hooks{Names: names}
}

// Fields is what a template of a webhook knows. As JSON it is what is sent without one.
type Fields struct {
	Node     string `json:"node"` // router_id
	Kind     string `json:"kind"` // instance, group, virtual_server, real_server
	Name     string `json:"name"`
	Of       string `json:"of,omitempty"` // the virtual server of a real one
	State    string `json:"state"`        // MASTER, BACKUP, FAULT, STOP, DELETED; UP, DOWN
	Priority int    `json:"priority,omitempty"`
	Reason   string `json:"reason"`
	Time     string `json:"time"` // RFC 3339, UTC
}

// fields are those of a message.
func (m Message) fields(node string) Fields {
	f := Fields{Node: node, Name: m.Name, Of: m.Of, State: m.State, Reason: m.Reason, Time: m.At.UTC().Format(time.RFC3339Nano)}
	f.Kind = [...]string{Instance: "instance", Group: "group", VirtualServer: "virtual_server", RealServer: "real_server"}[m.Kind]
	if m.Kind == Instance {
		f.Priority = m.Priority
	}
	return f
}

// Body is what a webhook sends. The zero value sends the fields as JSON.
type Body struct{ template *template.Template }

// mostBody is the longest that is sent.
const mostBody = 64 << 10

// ParseBody understands a template, in the language of package text/template: {{.Name}} and the
// other Fields, and {{json .Reason}}, which makes JSON of anything. Empty: none. A template that
// could not be filled in later is refused now.
func ParseBody(text string) (Body, error) {
	if text == "" {
		return Body{}, nil
	}
	t, err := template.New("template").Funcs(template.FuncMap{"json": asJSON}).Option("missingkey=error").Parse(text)
	if err == nil {
		err = ends(t)
	}
	if err != nil {
		return Body{}, err
	}
	b := Body{t}
	for kind := range RealServer + 1 {
		if _, err := b.Text(Message{Kind: kind, Name: "NAME", Of: "OF", State: Master, Priority: 1, Reason: "reason"}, "node"); err != nil {
			return Body{}, err
		}
	}
	return b, nil
}

// ends refuses what may go on for ever: a body is filled in where others wait for it.
func ends(t *template.Template) error {
	if len(t.Templates()) > 1 || t.Tree == nil || !plain(t.Root) {
		return errors.New("range, template and define are not taken")
	}
	return nil
}

// plain reports whether a part of a template is text, fields and conditions only.
func plain(n parse.Node) bool {
	switch n := n.(type) {
	case *parse.ListNode:
		return n == nil || !slices.ContainsFunc(n.Nodes, func(n parse.Node) bool { return !plain(n) })
	case *parse.IfNode:
		return plain(n.List) && plain(n.ElseList)
	case *parse.WithNode:
		return plain(n.List) && plain(n.ElseList)
	case *parse.TextNode, *parse.ActionNode, *parse.CommentNode:
		return true
	}
	return false
}

// Text is what is sent for a message.
func (b Body) Text(m Message, node string) (string, error) {
	if b.template == nil {
		return asJSON(m.fields(node))
	}
	var out strings.Builder
	if err := b.template.Execute(&short{&out}, m.fields(node)); err != nil {
		return "", err
	}
	return out.String(), nil
}

func asJSON(v any) (string, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("write JSON: %w", err)
	}
	return string(text), nil
}

// short is a writer that takes mostBody at most.
type short struct{ to *strings.Builder }

var _ io.Writer = &short{}

var errLong = errors.New("what it makes is too long")

// Write implements io.Writer.
func (s *short) Write(p []byte) (int, error) {
	if s.to.Len()+len(p) > mostBody {
		return 0, errLong
	}
	return s.to.Write(p)
}
